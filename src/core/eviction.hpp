// Who may be evicted for whom, in one list of reasons, and who is worth least.
//
// Free functions over a const view; nothing here changes anything.
#pragma once

#include <cstdint>
#include <optional>

#include "core/view.hpp"

namespace rouse::core {

// A model that is cold (or failed, its back-off over), or asleep, and wanted.
struct Want {
  ModelId model;
  Priority priority = Priority::normal;
  std::optional<TimePoint> since;  // waiting age; nothing for a preload
  bool preload = false;            // nobody waits for it, so it takes free bytes only …
  bool evicts = false;             // … or those of idle workers past their residency
};

// How long an idle worker stays: its keep, or less beside programs that are not ours.
Keep keep_of(const View& view, const Model& model);

enum class Verdict : std::uint8_t {
  evict,      // yes: it is idle, stop it
  drain,      // yes: it is busy, but the waiter is past patience
  cancel,     // yes: it is loading and nobody waits for it
  leased,     // no: somebody uses it
  pinned,     // no
  slice,      // no: it was started for a patient waiter and has not had its turn
  residency,  // no: it has only just been loaded
  priority,   // no: it matters more and is within its keep
  awaited,    // no: it is loading, and somebody waits for that or it has itself cancelled another; or asleep and wanted
  not_there,  // no: it holds nothing that could be given
};
constexpr bool yes(Verdict v) { return v == Verdict::evict || v == Verdict::drain || v == Verdict::cancel; }

// May `victim` give way to `want`? The first reason that speaks decides.
Verdict may_evict(const View& view, const Model& victim, const Want& want);
// May it be stopped because a device is over budget?
Verdict may_evict_over_budget(const Model& victim);

// Its entry's priority, or that of its best waiting request.
Priority priority(const Model& model);
// What it is worth to keep, by the view's policy.
double value(const View& view, const Model& model);
// A waiter's patience with a victim: doubled for each step of priority below it.
Duration patience(const Policy& policy, Priority waiter, Priority victim);
bool past_patience(const View& view, const Want& want, Priority victim);
// How long a ready worker stays at least.
Duration residency(const Model& model);
bool pins(const Model& model);  // its worker is pinned and not on its way out

// The next moment at which a verdict about this model may change by time alone; kNever if none.
TimePoint verdict_changes(const View& view, const Model& victim);

}  // namespace rouse::core
