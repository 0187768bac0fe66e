#include "core/eviction.hpp"

#include <algorithm>

#include "core/fault.hpp"

namespace rouse::core {
namespace {

const Ready* serving(const State& state) {
  if (const auto* ready = std::get_if<Ready>(&state)) return ready;
  return nullptr;
}

bool within_slice(const View& view, const Model& victim, const Ready& ready) {
  return ready.worker.for_patient && victim.queue.has_arrival_up_to(ready.waiting_at_ready) &&
         view.now < later(ready.since, view.policy.slice);
}

bool within_keep(const View& view, const Model& victim, const Ready& ready) {
  const Keep keep = keep_of(view, victim);
  return !ready.worker.leases.empty() || keep.is_forever() || view.now < later(ready.last_used, keep.idle);
}

}  // namespace

Keep keep_of(const View& view, const Model& model) {
  const Keep own = std::holds_alternative<Asleep>(model.state) ? model.spec.keep_asleep : model.keep;
  const Worker* held = view.ledger.any_shared() ? worker(model.state) : nullptr;
  const Row* row = held ? view.ledger.find(held->id) : nullptr;
  if (!row) return own;
  const bool shares = std::ranges::any_of(row->bytes, [&](const DeviceBytes& share) {
    const auto device = view.ledger.devices().find(share.device);
    return share.bytes > Bytes{} && device != view.ledger.devices().end() && device->second.shared;
  });
  return shares ? std::min(own, Keep{view.policy.shared_keep}) : own;
}

Verdict may_evict(const View& view, const Model& victim, const Want& want) {
  if (const auto* loading = std::get_if<Loading>(&victim.state)) {
    if (ROUSE_FAULT(cancels_wanted_load)) return Verdict::cancel;
    if (victim.pinned) return Verdict::pinned;
    if (want.preload) return Verdict::awaited;  // a load gives way to those who wait
    return victim.queue.empty() && !loading->worker.by_cancelling ? Verdict::cancel : Verdict::awaited;
  }
  const Priority theirs = priority(victim);
  if (std::holds_alternative<Asleep>(victim.state)) {
    if (victim.pinned && !ROUSE_FAULT(evicts_pinned)) return Verdict::pinned;
    const bool stronger =
        is_reservation(want.model) || (want.priority > theirs && !want.preload) || past_patience(view, want, theirs);
    return victim.queue.empty() || stronger ? Verdict::evict : Verdict::awaited;
  }
  const Ready* ready = serving(victim.state);
  if (!ready) return Verdict::not_there;
  if (is_reservation(victim.spec.id) && !ROUSE_FAULT(takes_reserved)) return Verdict::leased;  // it ends with its time

  const bool busy = !ready->worker.leases.empty();
  const bool patient = past_patience(view, want, theirs);
  const Verdict yes = busy && !ROUSE_FAULT(evicts_leased) ? Verdict::drain : Verdict::evict;

  if (busy && !patient && !ROUSE_FAULT(evicts_leased)) return Verdict::leased;
  if (victim.pinned && !ROUSE_FAULT(evicts_pinned)) return Verdict::pinned;
  if (is_reservation(want.model)) return yes;
  if (within_slice(view, victim, *ready)) return Verdict::slice;
  if (want.priority > theirs && !want.preload) return yes;
  if (view.now < later(ready->since, residency(victim)) && !ROUSE_FAULT(no_residency)) return Verdict::residency;
  if (theirs > want.priority && !patient && within_keep(view, victim, *ready)) return Verdict::priority;
  return yes;
}

Verdict may_evict_over_budget(const Model& victim) {
  const Ready* ready = serving(victim.state);
  if (!ready && !std::holds_alternative<Asleep>(victim.state)) return Verdict::not_there;
  if (ready && !ready->worker.leases.empty()) return Verdict::leased;
  return victim.pinned ? Verdict::pinned : Verdict::evict;
}

Priority priority(const Model& model) {
  return std::max(model.spec.priority, model.queue.best_priority().value_or(Priority::low));
}

double value(const View& view, const Model& model) {
  const Worker* held = worker(model.state);
  if (!held) return 0;
  const Row* row = view.ledger.find(held->id);
  const auto* ready = serving(model.state);
  constexpr double kWeights[] = {0.5, 1, 2};
  return view.policy.value(Worth{
      .floor = held->floor,
      .frequency = static_cast<double>(held->frequency),
      .reload_seconds = std::chrono::duration<double>(model.load_time.value_or(model.spec.expected_load)).count(),
      .weight = kWeights[static_cast<std::size_t>(priority(model))],
      .gib = row ? static_cast<double>(total(row->bytes).count) / static_cast<double>(gib(1).count) : 0,
      .last_used = ready ? ready->last_used : TimePoint{},
  });
}

Duration patience(const Policy& policy, Priority waiter, Priority victim) {
  const int steps = std::max(0, static_cast<int>(victim) - static_cast<int>(waiter));
  return policy.patience * (1 << steps);
}

bool past_patience(const View& view, const Want& want, Priority victim) {
  return want.since && later(*want.since, patience(view.policy, want.priority, victim)) <= view.now;
}

Duration residency(const Model& model) {
  if (model.spec.min_residency) return *model.spec.min_residency;
  constexpr Duration kLeast = std::chrono::seconds(2);
  const Worker* held = worker(model.state);
  const auto& cost = held && held->woken ? model.wake_time : model.load_time;
  return std::max(kLeast, cost.value_or(kLeast));
}

bool pins(const Model& model) {
  if (!model.pinned) return false;
  if (const auto* draining = std::get_if<Draining>(&model.state))
    return std::holds_alternative<DrainedByPlan>(draining->cause);
  const Stage at = stage(model.state);
  return worker(model.state) && at != Stage::stopping;
}

TimePoint verdict_changes(const View& view, const Model& victim) {
  const Ready* ready = serving(victim.state);
  if (!ready) return kNever;
  TimePoint next = kNever;
  auto consider = [&](TimePoint t) {
    if (t > view.now) next = std::min(next, t);
  };
  consider(later(ready->since, residency(victim)));
  if (ready->worker.for_patient) consider(later(ready->since, view.policy.slice));
  if (const Keep keep = keep_of(view, victim); ready->worker.leases.empty() && !keep.is_forever())
    consider(later(ready->last_used, keep.idle));
  return next;
}

}  // namespace rouse::core
