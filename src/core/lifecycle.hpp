// The whole life of a worker, as one table of stage × trigger.
//
//   cold ─start→ loading ─loaded→ ready ─drain→ draining ─stop→ stopping ─exited→ cold
//                                  │ ↑                                          └─→ failed
//                             sleep↓ └woken─ waking ←wake─ asleep ←slept─ sleeping
// docs/lifecycle.md is printed from the table. Nothing else in the core knows which stage may follow which.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model.hpp"

namespace rouse::core {

enum class Stage : std::uint8_t { cold, loading, ready, draining, sleeping, asleep, waking, stopping, failed };

enum class Trigger : std::uint8_t {
  start,           // somebody wants it and its bytes are there
  loaded,          // it answers on its health path
  load_failed,     // the engine said that it cannot load
  start_failed,    // there is no process
  load_timed_out,  // it took longer than the larger of 5 min and 4 × what was learnt
  ran_out,         // it ended for lack of memory before it was ready, and is tried once more
  cancel,          // nobody waits for the load and somebody needs its bytes; forced unload; shutdown
  drain,           // no new leases: a plan, an unload, a changed or removed entry, shutdown
  undrain,         // the plan that drained it was dropped
  sleep,           // as stop, where its engine can sleep and that gives enough
  slept,           // it holds what it holds asleep; the rest has been seen back
  wake,            // somebody wants it and the bytes that it gave up are there
  woken,           // it answers again
  sleep_failed,    // it could not sleep, or took too long
  wake_failed,     // it could not wake, or took too long
  stop,            // idle: expired, evicted, over budget, or drained
  exited,          // the process tree is gone
  stop_timed_out,  // it ignored the request to stop
  kill_timed_out,  // it cannot be ended
  clear,           // forget, or a new entry: the failure no longer speaks for it
};

struct Edge {
  Stage from;
  Trigger trigger;
  Stage to;
  std::string_view why;
};

// Every legal transition, in the order of docs/lifecycle.md. Two edges may share from and trigger: the outcome then
// depends on what the state carries (a stopping worker knows whether it failed).
std::span<const Edge> edges();
bool legal(Stage from, Trigger trigger, Stage to);

std::string_view name(Stage stage);
std::string_view name(Trigger trigger);

// docs/lifecycle.md, whole.
std::string lifecycle_document();

// --- states carry their data --------------------------------------------------------------------------------

// What a worker carries through its stages. It keeps the entry it was started from.
struct Worker {
  WorkerId id;
  std::uint64_t revision = 0;
  std::uint32_t concurrency = 1;
  Duration stop_grace{};
  bool by_cancelling = false;   // its load was begun by cancelling another, so it is not itself cancelled
  bool for_patient = false;     // it was started, or woken, for a waiter past patience
  bool woken = false;           // since it was loaded: what it costs to have it back is a wake
  std::uint64_t frequency = 0;  // leases since it was loaded
  double floor = 0;             // the eviction floor when it was last used
  std::vector<RequestId> leases;
};

struct DrainedByPlan {
  ModelId waiter;
};
struct DrainedByUnload {
  Force force = Force::no;
  TimePoint deadline = kNever;
};
struct DrainedByChange {};  // its entry was changed or removed
struct DrainedByShutdown {
  TimePoint deadline;
};
using DrainCause = std::variant<DrainedByPlan, DrainedByUnload, DrainedByChange, DrainedByShutdown>;

enum class Failure : std::uint8_t {
  load,          // or it crashed again and again; its waiters were refused; newcomers are, until retry_at
  crash,         // it was serving; its queue waits out the back-off
  will_not_die,  // its process is still there; no start until it has exited
};

enum class StopReason : std::uint8_t {
  none,
  idle,         // nobody has asked for as long as it is kept
  evicted,      // another model needs its bytes
  over_budget,  // the device can offer less than it could, or workers have grown
  unloaded,     // by an operator
  changed,      // its entry was changed or removed
  load_failed,
  sleep_failed,  // it could not be put to sleep, or woken
  shutdown,
  ended,  // by itself: a crash
};
std::string_view name(StopReason reason);

StopReason stop_reason(const DrainCause& cause);

struct Cold {};
struct Loading {
  Worker worker;
  TimePoint since;
  TimePoint until;  // then it has timed out
};
struct Ready {
  Worker worker;
  TimePoint since;
  TimePoint last_used;             // idle since then, when nobody holds a lease
  std::uint64_t waiting_at_ready;  // arrivals up to this one were waiting when it became ready
  TimePoint trims_until = kNever;  // it is dropping its caches; then that has failed
  bool trimmed = false;            // since its last lease began
};
struct Draining {
  Ready was;
  DrainCause cause;
  TimePoint since;
};
struct Sleeping {
  Worker worker;
  Placement live;    // what it takes awake
  Placement asleep;  // what it is to keep
  TimePoint since;
  TimePoint until;  // then it is stopped
  StopReason reason = StopReason::none;
};
struct Asleep {
  Worker worker;
  Placement live;
  TimePoint since;
};
struct Waking {
  Worker worker;
  Placement live;
  TimePoint since;
  TimePoint until;  // then it is stopped
};
struct Stopping {
  Worker worker;
  TimePoint since;
  TimePoint until;  // then it is killed, or given up
  StopReason reason = StopReason::none;
  bool killing = false;
  bool unloading = false;       // an operator asked: newcomers are refused
  std::optional<Failure> then;  // how it ends: failed in this way, or cold
  std::string error;
};
struct Failed {
  Failure how = Failure::load;
  std::string error;
  TimePoint retry_at;
  std::optional<WorkerId> undead;  // will_not_die: which
};

using State = std::variant<Cold, Loading, Ready, Draining, Sleeping, Asleep, Waking, Stopping, Failed>;

Stage stage(const State& state);
// The worker a state carries: none when cold or failed.
const Worker* worker(const State& state);
Worker* worker(State& state);

}  // namespace rouse::core
