// What the core wants done. The shell performs effects in order and reports back with events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/lifecycle.hpp"
#include "core/model.hpp"

namespace rouse::core {

struct StartWorker {  // answered by Loaded, LoadFailed, Exited or EffectFailed
  WorkerId worker;
  ModelId model;
  std::uint64_t revision;
  Placement placement;
};
struct StopWorker {  // ask it to end; answered by Exited
  WorkerId worker;
};
struct KillWorker {  // it did not end; answered by Exited
  WorkerId worker;
};
struct TrimWorker {  // drop its caches and keep the weights; answered by Trimmed, whatever came of it
  WorkerId worker;
};
struct SleepWorker {  // give up what it does not keep asleep; answered by Slept, SleepFailed or Exited
  WorkerId worker;
};
struct WakeWorker {  // take it again; answered by Woken, SleepFailed or Exited
  WorkerId worker;
};
struct Admit {  // the request now has a lease on the worker, until Finish
  RequestId request;
  WorkerId worker;
};

enum class Reason : std::uint8_t {
  unknown_model,  // not, or no longer, in the catalogue
  queue_full,     // as many wait as may
  deadline,       // its deadline came while it waited
  not_ready,      // asked only if ready
  unloading,      // an operator is unloading the model
  load_failed,    // the load failed, or the model is backing off from that: detail and retry_at; needed, available
                  // where its memory ran out
  will_not_die,   // its last process cannot be ended
  too_large,      // larger than the device can ever offer: needed, available
  taken_by_pins,  // pinned models, or workers that will not die, hold what it needs: needed, available
  shutting_down,
  loading,  // unload without force while somebody waits for the load, or for it to wake
  pinned,   // unload without force of a pinned model
};

std::string_view name(Reason reason);

struct Refusal {
  Reason reason = Reason::deadline;
  TimePoint retry_at = kNever;  // when another try may be of use; load_failed: when a load is tried again
  DeviceId device{};            // the device that falls short
  Bytes needed{};
  Bytes available{};
  std::string detail{};  // load_failed, will_not_die: what happened
};

struct Refuse {
  RequestId request;
  Refusal refusal;
};
struct CutLease {  // end this admitted request now; Finish follows
  RequestId request;
};
struct Unloaded {  // the answer to Unload
  RequestId request;
  WorkerId worker = {};    // 0 when nothing was loaded
  Placement freed = {};    // seen back
  Placement missing = {};  // not seen back within the bound; empty: all of it was
};
struct Returned {  // a receipt: a worker's bytes have been seen back, or not within the bound; then again once they are
  ModelId model;
  WorkerId worker;
  Placement freed;
  Placement missing = {};
  Duration took{};  // since it was told to stop, or ended by itself
  StopReason reason = StopReason::none;
};
struct WakeAt {  // one timer: replaces the time asked for before
  TimePoint time;
};
struct Announce {  // a transition, for logs, events and metrics
  ModelId model;
  WorkerId worker;  // 0 when there is none
  Stage from;
  Trigger trigger;
  Stage to;
  Bytes before;  // what the model's workers hold in the ledger, all devices together
  Bytes after;
  StopReason reason = StopReason::none;  // of a stopping or sleeping one
};
struct ShutdownComplete {};  // no worker is left, or none that can be ended

using Effect = std::variant<StartWorker, StopWorker, KillWorker, TrimWorker, SleepWorker, WakeWorker, Admit, Refuse,
                            CutLease, Unloaded, Returned, WakeAt, Announce, ShutdownComplete>;
using Effects = std::vector<Effect>;

}  // namespace rouse::core
