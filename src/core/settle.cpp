// What follows from an event: expire → admit → drain → over-budget → plan, repeated until nothing changes.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"
#include "core/sleep.hpp"

namespace rouse::core {

void Scheduler::Impl::settle() {
  constexpr int kMostRounds = 64;  // one is usual, four were the most ever seen; a thousand models may expire at once
  [[maybe_unused]] int rounds = 0;
  while (settle_once()) {
    ++rounds;
    assert(rounds < kMostRounds);
  }

  if (view.shutting_down && !complete_announced) {
    const bool over = std::ranges::all_of(view.models, [](const auto& m) { return !worker(m.second.state); });
    if (over) effects.push_back(ShutdownComplete{});
    complete_announced = over;
  }
  const TimePoint wake = next_wake();
  if (wake == announced_wake) return;
  announced_wake = wake;
  effects.push_back(WakeAt{wake});
}

// One round; true if another is needed.
bool Scheduler::Impl::settle_once() {
  expire_timers();
  if (dirty.empty() && !budgets_due && !plans_due) return false;
  std::vector<ModelId> due = std::exchange(dirty, {});
  if (due.size() > 1) {
    std::ranges::sort(due);
    due.erase(std::ranges::unique(due).begin(), due.end());
  }
  for (ModelId id : due) {
    Model* model = find(id);
    if (!model) continue;
    expire(*model);
    admit(*model);
    drain(*model);
    reindex(*model);
    if (is_reservation(id) && std::holds_alternative<Cold>(model->state) && model->queue.empty()) model->removed = true;
    if (model->removed) forget_removed(id);
  }
  if (std::exchange(budgets_due, false)) over_budget();
  if (dirty.empty() && std::exchange(plans_due, false)) plan();
  return true;
}

// --- expire -------------------------------------------------------------------------------------------------

void Scheduler::Impl::expire_timers() {
  while (!timers.empty() && timers.begin()->first <= view.now) {
    const ModelId id = timers.begin()->second;
    timers.erase(timers.begin());
    Model& model = view.models.at(id);
    model.timer = kNever;
    touch(model);
  }
  if (plan_timer <= view.now) {
    plan_timer = kNever;
    plans_due = true;
  }
  if (view.ledger.next_bound() > view.now) return;
  for (WorkerId late : view.ledger.expire(view.now)) {
    give_receipts(*view.ledger.find(late));
    plans_due = true;
    budgets_due = true;
  }
}

void Scheduler::Impl::expire(Model& model) {
  for (const Waiter& late : model.queue.expire(view.now)) {
    if (ROUSE_FAULT(forgets_refusal)) {
      requests.erase(late.request);
      continue;
    }
    refuse(late.request, {.reason = Reason::deadline});
    plans_due = true;
  }
  if (!std::holds_alternative<Ready>(model.state)) {
    for (const Waiter& waiter : model.queue.take_only_if_ready(view.now))
      refuse(waiter.request, {.reason = Reason::not_ready});
  }
  if (const auto* loading = std::get_if<Loading>(&model.state); loading && loading->until <= view.now)
    return apply(EffectTimedOut{loading->worker.id});
  if (const auto* sleeping = std::get_if<Sleeping>(&model.state); sleeping && sleeping->until <= view.now)
    return apply(EffectTimedOut{sleeping->worker.id});
  if (const auto* waking = std::get_if<Waking>(&model.state); waking && waking->until <= view.now)
    return apply(EffectTimedOut{waking->worker.id});
  if (const auto* stopping = std::get_if<Stopping>(&model.state); stopping && stopping->until <= view.now)
    return apply(EffectTimedOut{stopping->worker.id});
  if (const auto* failed = std::get_if<Failed>(&model.state);
      failed && failed->retry_at <= view.now && !model.queue.empty())
    plans_due = true;
  auto* ready = std::get_if<Ready>(&model.state);
  if (ready && ready->trims_until <= view.now) apply(Trimmed{ready->worker.id});
  if (is_reservation(model.spec.id)) expire_reservation(model);
  if (!model.queue.empty() || model.pinned) return;
  const Keep keep = keep_of(view, model);
  if (const auto* asleep = std::get_if<Asleep>(&model.state)) {
    if (!keep.is_forever() && later(asleep->since, keep.idle) <= view.now)
      begin_stop(model, Trigger::stop, StopReason::idle);
    return;
  }
  if (!std::holds_alternative<Ready>(model.state) || (!ready->worker.leases.empty() && !ROUSE_FAULT(sleeps_leased)))
    return;
  if (keep.is_forever() || later(ready->last_used, keep.idle) > view.now) return;
  if (sleep_suffices(view, model)) return begin_sleep(model, StopReason::idle);
  if (ready->worker.leases.empty()) begin_stop(model, Trigger::stop, StopReason::idle);
}

// --- admit --------------------------------------------------------------------------------------------------

void Scheduler::Impl::admit(Model& model) {
  auto* ready = std::get_if<Ready>(&model.state);
  if (!ready) return;
  while (!model.queue.empty() && ready->worker.leases.size() < ready->worker.concurrency)
    admit_waiter(model, *ready, model.queue.pop(view.now, view.policy.patience));
}

// --- drain --------------------------------------------------------------------------------------------------

void Scheduler::Impl::drain(Model& model) {
  if (const auto* ready = std::get_if<Ready>(&model.state)) {
    if (model.removed || ready->worker.revision != model.spec.revision) begin_drain(model, DrainedByChange{});
  }
  if (std::holds_alternative<Sleeping>(model.state) || std::holds_alternative<Asleep>(model.state)) {
    if (model.removed || worker(model.state)->revision != model.spec.revision)
      begin_stop(model, Trigger::stop, StopReason::changed);
  }
  auto* draining = std::get_if<Draining>(&model.state);
  if (!draining) return;
  const WorkerId id = draining->was.worker.id;
  if (const auto* by_plan = std::get_if<DrainedByPlan>(&draining->cause)) {
    const auto plan = view.plans.find(by_plan->waiter);
    if (plan == view.plans.end() || !plan->second.victims.contains(id)) {
      Ready back = std::move(draining->was);
      transition(model, Trigger::undrain, std::move(back));
      return;
    }
  }
  TimePoint cut_at = kNever;
  if (const auto* by_unload = std::get_if<DrainedByUnload>(&draining->cause)) cut_at = by_unload->deadline;
  if (const auto* by_shutdown = std::get_if<DrainedByShutdown>(&draining->cause)) cut_at = by_shutdown->deadline;
  if (cut_at <= view.now) {
    for (RequestId lease : draining->was.worker.leases) effects.push_back(CutLease{lease});
    draining->was.worker.leases.clear();
  }
  if (!draining->was.worker.leases.empty()) return;
  if (std::holds_alternative<DrainedByPlan>(draining->cause)) return evict(model, StopReason::evicted);
  begin_stop(model, Trigger::stop, stop_reason(draining->cause));
}

// --- over budget --------------------------------------------------------------------------------------------

void Scheduler::Impl::over_budget() {
  for (const auto& [device, entry] : view.ledger.devices()) {
    if (view.ledger.free(device) >= Bytes{}) continue;
    Bytes over = -view.ledger.free(device) - coming(view, device);
    while (over > Bytes{}) {
      Model* least = nullptr;
      for (auto& [id, model] : view.models) {
        if (may_evict_over_budget(model) != Verdict::evict) continue;
        const Row* row = view.ledger.find(worker(model.state)->id);
        if (!row || bytes_on(row->bytes, device) == Bytes{}) continue;
        if (!least || value(view, model) < value(view, *least)) least = &model;
      }
      if (!least) break;
      const WorkerId leaving = worker(least->state)->id;
      evict(*least, StopReason::over_budget);
      over -= given_on(view, *view.ledger.find(leaving), device);
    }
  }
}

// --- bookkeeping --------------------------------------------------------------------------------------------

void Scheduler::Impl::reindex(Model& model) {
  const ModelId id = model.spec.id;
  const Stage at = stage(model.state);
  const bool may_want = (at == Stage::cold || at == Stage::failed || at == Stage::asleep) &&
                        (!model.queue.empty() || model.preload || view.plans.contains(id));
  if (may_want != wanting.contains(id)) {
    plans_due = true;
    if (may_want)
      wanting.insert(id);
    else
      wanting.erase(id);
  }
  const TimePoint due = next_due(model);
  if (due <= view.now || due >= model.timer) return;  // it is looked at early enough already
  if (model.timer != kNever) timers.erase({model.timer, id});
  timers.emplace(due, id);
  model.timer = due;
}

TimePoint Scheduler::Impl::next_due(const Model& model) const {
  struct Visitor {
    const Model& model;
    Keep keep;
    TimePoint operator()(const Cold&) const { return kNever; }
    TimePoint operator()(const Loading& s) const { return s.until; }
    TimePoint operator()(const Ready& s) const {
      if (is_reservation(model.spec.id) && !s.worker.leases.empty()) return later(s.since, model.spec.reserved_for);
      const bool stays = !s.worker.leases.empty() || !model.queue.empty() || model.pinned || keep.is_forever();
      return std::min(s.trims_until, stays ? kNever : later(s.last_used, keep.idle));
    }
    TimePoint operator()(const Draining& s) const {
      if (const auto* by_unload = std::get_if<DrainedByUnload>(&s.cause)) return by_unload->deadline;
      if (const auto* by_shutdown = std::get_if<DrainedByShutdown>(&s.cause)) return by_shutdown->deadline;
      return kNever;
    }
    TimePoint operator()(const Sleeping& s) const { return s.until; }
    TimePoint operator()(const Asleep& s) const {
      return !model.queue.empty() || model.pinned || keep.is_forever() ? kNever : later(s.since, keep.idle);
    }
    TimePoint operator()(const Waking& s) const { return s.until; }
    TimePoint operator()(const Stopping& s) const { return s.until; }
    TimePoint operator()(const Failed& s) const { return model.queue.empty() ? kNever : s.retry_at; }
  };
  const TimePoint own = std::visit(Visitor{model, keep_of(view, model)}, model.state);
  return std::min(model.queue.next_deadline(),
                  own > view.now ? own : kNever);  // what is past has been done, or waits for others
}

TimePoint Scheduler::Impl::next_wake() const {
  const TimePoint timer = timers.empty() ? kNever : timers.begin()->first;
  return std::min({timer, plan_timer, view.ledger.next_bound()});
}

// A removed model is gone once its worker and its bytes are.
void Scheduler::Impl::forget_removed(ModelId id) {
  Model& model = view.models.at(id);
  if (const auto* failed = std::get_if<Failed>(&model.state); failed && !failed->undead)
    return transition(model, Trigger::clear, Cold{});
  if (!std::holds_alternative<Cold>(model.state) || held_by(model) > Bytes{}) return;
  if (model.timer != kNever) timers.erase({model.timer, id});
  wanting.erase(id);
  view.plans.erase(id);
  view.models.erase(id);
}

}  // namespace rouse::core
