#include "core/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

namespace rouse::core {
namespace {

using enum Stage;
using T = Trigger;

constexpr std::array kEdges{
    Edge{cold, T::start, loading, "a waiter's bytes are free, or a preload's"},
    Edge{loading, T::loaded, ready, "it answers on its health path"},
    Edge{loading, T::load_failed, stopping, "the engine cannot load it; its waiters are refused with the reason"},
    Edge{loading, T::load_timed_out, stopping, "not ready within the larger of 5 min and 4 × what was learnt"},
    Edge{
        loading, T::cancel, stopping,
        "nobody waits, and somebody else needs the bytes or its entry changed; forced unload; removed entry; shutdown"},
    Edge{loading, T::start_failed, failed, "there is no process, so nothing to stop"},
    Edge{loading, T::exited, failed, "it ended before it was ready"},
    Edge{loading, T::ran_out, cold, "its memory ran out, and somebody waits: it is tried once more, with more"},
    Edge{ready, T::drain, draining, "no new leases: a plan, an unload, a changed or removed entry, shutdown"},
    Edge{ready, T::stop, stopping, "idle, and expired, evicted or over budget"},
    Edge{ready, T::sleep, sleeping, "idle, and expired, evicted or over budget, where sleeping gives enough"},
    Edge{ready, T::exited, failed,
         "it crashed; its queue waits out the back-off, or is refused after several in a row"},
    Edge{draining, T::undrain, ready, "the plan that drained it was met without it, or dropped"},
    Edge{draining, T::stop, stopping, "the last lease ended, or was cut at the deadline"},
    Edge{draining, T::sleep, sleeping, "the last lease ended, and the plan is met by what its sleep gives"},
    Edge{draining, T::exited, failed, "it crashed"},
    Edge{sleeping, T::slept, asleep, "what it does not keep asleep has been seen back"},
    Edge{sleeping, T::sleep_failed, stopping, "it could not sleep, or not within its grace"},
    Edge{sleeping, T::stop, stopping, "unloaded, its entry changed or removed, or shutdown"},
    Edge{sleeping, T::exited, failed, "it crashed"},
    Edge{asleep, T::wake, waking, "somebody wants it, and what it had given up is free"},
    Edge{asleep, T::stop, stopping,
         "expired, evicted, over budget, unloaded, changed, shutdown; or it cannot wake here"},
    Edge{asleep, T::exited, failed, "it crashed"},
    Edge{waking, T::woken, ready, "it answers again"},
    Edge{waking, T::wake_failed, stopping, "it could not wake, or took as long as a load may; it is loaded anew"},
    Edge{waking, T::cancel, stopping, "nobody waits, and its entry changed; forced unload; removed entry; shutdown"},
    Edge{waking, T::exited, failed,
         "it crashed; its queue waits out the back-off, or is refused after several in a row"},
    Edge{stopping, T::exited, cold, "it was asked to end and has, or its memory ran out and it is tried once more"},
    Edge{stopping, T::exited, failed, "it was ended because its load had failed"},
    Edge{stopping, T::stop_timed_out, stopping, "it ignored the request and is killed"},
    Edge{stopping, T::kill_timed_out, failed, "it will not die; its bytes stay held until it has exited"},
    Edge{failed, T::start, loading, "back-off over and asked again, or an operator asks"},
    Edge{failed, T::exited, cold, "what would not die has ended after all"},
    Edge{failed, T::clear, cold, "forgotten, or the entry was changed"},
};

}  // namespace

std::span<const Edge> edges() { return kEdges; }

bool legal(Stage from, Trigger trigger, Stage to) {
  return std::ranges::any_of(kEdges,
                             [&](const Edge& e) { return e.from == from && e.trigger == trigger && e.to == to; });
}

std::string_view name(Stage stage) {
  switch (stage) {
    case cold: return "cold";
    case loading: return "loading";
    case ready: return "ready";
    case draining: return "draining";
    case sleeping: return "sleeping";
    case asleep: return "asleep";
    case waking: return "waking";
    case stopping: return "stopping";
    case failed: return "failed";
  }
  std::unreachable();
}

std::string_view name(Trigger trigger) {
  switch (trigger) {
    case T::start: return "start";
    case T::loaded: return "loaded";
    case T::load_failed: return "load failed";
    case T::start_failed: return "start failed";
    case T::load_timed_out: return "load timed out";
    case T::ran_out: return "ran out";
    case T::cancel: return "cancel";
    case T::drain: return "drain";
    case T::undrain: return "undrain";
    case T::sleep: return "sleep";
    case T::slept: return "slept";
    case T::wake: return "wake";
    case T::woken: return "woken";
    case T::sleep_failed: return "sleep failed";
    case T::wake_failed: return "wake failed";
    case T::stop: return "stop";
    case T::exited: return "exited";
    case T::stop_timed_out: return "stop timed out";
    case T::kill_timed_out: return "kill timed out";
    case T::clear: return "clear";
  }
  std::unreachable();
}

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::none: return "none";
    case StopReason::idle: return "idle";
    case StopReason::evicted: return "evicted";
    case StopReason::over_budget: return "over budget";
    case StopReason::unloaded: return "unloaded";
    case StopReason::changed: return "changed";
    case StopReason::load_failed: return "load failed";
    case StopReason::sleep_failed: return "sleep failed";
    case StopReason::shutdown: return "shutdown";
    case StopReason::ended: return "ended";
  }
  std::unreachable();
}

StopReason stop_reason(const DrainCause& cause) {
  struct Visitor {
    StopReason operator()(const DrainedByPlan&) const { return StopReason::evicted; }
    StopReason operator()(const DrainedByUnload&) const { return StopReason::unloaded; }
    StopReason operator()(const DrainedByChange&) const { return StopReason::changed; }
    StopReason operator()(const DrainedByShutdown&) const { return StopReason::shutdown; }
  };
  return std::visit(Visitor{}, cause);
}

std::string lifecycle_document() {
  std::string text =
      "# The life of a worker\n\n"
      "Printed from the transition table in `src/core/lifecycle.cpp`; `UPDATE_DOCS=1 make unit` writes it anew.\n\n"
      "| from | trigger | to | when |\n|---|---|---|---|\n";
  for (const Edge& e : kEdges)
    text += std::format("| {} | {} | {} | {} |\n", name(e.from), name(e.trigger), name(e.to), e.why);
  return text;
}

Stage stage(const State& state) {
  struct Visitor {
    Stage operator()(const Cold&) const { return cold; }
    Stage operator()(const Loading&) const { return loading; }
    Stage operator()(const Ready&) const { return ready; }
    Stage operator()(const Draining&) const { return draining; }
    Stage operator()(const Sleeping&) const { return sleeping; }
    Stage operator()(const Asleep&) const { return asleep; }
    Stage operator()(const Waking&) const { return waking; }
    Stage operator()(const Stopping&) const { return stopping; }
    Stage operator()(const Failed&) const { return failed; }
  };
  return std::visit(Visitor{}, state);
}

const Worker* worker(const State& state) {
  struct Visitor {
    const Worker* operator()(const Cold&) const { return nullptr; }
    const Worker* operator()(const Loading& s) const { return &s.worker; }
    const Worker* operator()(const Ready& s) const { return &s.worker; }
    const Worker* operator()(const Draining& s) const { return &s.was.worker; }
    const Worker* operator()(const Sleeping& s) const { return &s.worker; }
    const Worker* operator()(const Asleep& s) const { return &s.worker; }
    const Worker* operator()(const Waking& s) const { return &s.worker; }
    const Worker* operator()(const Stopping& s) const { return &s.worker; }
    const Worker* operator()(const Failed&) const { return nullptr; }
  };
  return std::visit(Visitor{}, state);
}

Worker* worker(State& state) { return const_cast<Worker*>(worker(std::as_const(state))); }

}  // namespace rouse::core
