// What follows from an event: expire → admit → drain → over-budget → plan, repeated until nothing changes.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

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
    answer_unloads(*view.ledger.find(late), Confirmed::no);
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
  if (const auto* stopping = std::get_if<Stopping>(&model.state); stopping && stopping->until <= view.now)
    return apply(EffectTimedOut{stopping->worker.id});
  if (const auto* failed = std::get_if<Failed>(&model.state);
      failed && failed->retry_at <= view.now && !model.queue.empty())
    plans_due = true;
  const auto* ready = std::get_if<Ready>(&model.state);
  if (!ready || !ready->worker.leases.empty() || !model.queue.empty() || model.pinned) return;
  if (!model.keep.is_forever() && later(ready->last_used, model.keep.idle) <= view.now)
    begin_stop(model, Trigger::stop, std::nullopt, {});
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
  if (std::holds_alternative<DrainedByPlan>(draining->cause)) return evict(model);
  begin_stop(model, Trigger::stop, std::nullopt, {});
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
      over -= bytes_on(view.ledger.find(worker(least->state)->id)->bytes, device);
      evict(*least);
    }
  }
}

// --- plan ---------------------------------------------------------------------------------------------------

void Scheduler::Impl::plan() {
  if (wanting.empty() && view.plans.empty()) return;
  std::vector<Want> wants;
  for (ModelId id : wanting) {
    if (const auto want = want_of(view, view.models.at(id))) wants.push_back(*want);
  }
  // A plan belongs to a want; without one it is dropped and holds nothing.
  std::vector<ModelId> unwanted;
  for (auto& [id, plan] : view.plans) {
    const bool wanted = std::ranges::contains(wants, id, &Want::model) &&
                        (!view.models.at(id).queue.empty() || keeps_plan_without_waiters(plan));
    if (!wanted) unwanted.push_back(id);
  }
  for (ModelId id : unwanted) drop_plan(id);
  std::erase_if(wants, [&](const Want& w) {
    return std::ranges::contains(unwanted, w.model) && view.models.at(w.model).queue.empty();
  });
  sort_by_strength(view, wants);

  Holds stronger;
  Offers offers(view);
  strongest_want = wants.empty() ? Priority::low : std::ranges::max_element(wants, {}, &Want::priority)->priority;
  plan_timer = kNever;
  bool unmet = false;
  for (const Want& want : wants) {
    Model& model = view.models.at(want.model);
    auto possible = candidates(view, model);
    if (ROUSE_FAULT(refuses_shortage) && std::get_if<0>(&possible) &&
        !fits(view, std::get<0>(possible).front().placement, stronger))
      possible = Refusal{.reason = Reason::too_large};
    if (auto* refusal = std::get_if<Refusal>(&possible)) {
      model.preload = false;
      refuse_all(model, *refusal);
      drop_plan(want.model);
      offers.forget();
      continue;
    }
    const auto& placements = std::get<0>(possible);
    const auto it = view.plans.find(want.model);
    const Plan* old = it == view.plans.end() ? nullptr : &it->second;
    const bool wanted_now = !model.queue.empty() || want.preload;
    const auto fitting =
        std::ranges::find_if(placements, [&](const Candidate& c) { return fits(view, c.placement, stronger); });
    if (wanted_now && (fitting != placements.end() || ROUSE_FAULT(ignores_budget))) {
      start(model, want, fitting != placements.end() ? *fitting : placements.front(), old && old->cancels_a_load);
      offers.forget();
      continue;
    }
    if (want.preload) continue;
    unmet = true;
    auto plan = make_plan(view, offers, want, placements, stronger, old);
    // What cannot be planned completely holds nothing; and nobody is evicted for those who have left.
    const bool chooses_anew =
        plan && !std::ranges::all_of(plan->victims, [&](WorkerId v) { return old && old->victims.contains(v); });
    if (!plan || (model.queue.empty() && chooses_anew) || ROUSE_FAULT(forgets_waiter)) {
      if (old) {
        drop_plan(want.model);
        offers.forget();
      }
      continue;
    }
    if (old) plan->until = old->until;
    adopt(*plan);
    offers.forget();
    for (const auto& [device, bytes] : plan->placement)
      stronger[device] += std::max(Bytes{}, bytes - coming(view, *plan, device));
  }
  if (!unmet) return;
  auto consider = [&](TimePoint t) {
    if (t > view.now) plan_timer = std::min(plan_timer, t);
  };
  for (const auto& [worker, id] : view.workers) {
    if (const Model* model = find(id)) consider(verdict_changes(view, *model));
  }
  for (const Want& want : wants) {
    if (const auto plan = view.plans.find(want.model); plan != view.plans.end() && plan->second.until != kNever)
      consider(plan->second.until);
    if (!want.since) continue;
    for (Duration p = view.policy.patience, i{}; i < Duration{3}; p *= 2, ++i) consider(later(*want.since, p));
    consider(view.models.at(want.model).queue.age_lapses(view.policy.patience));
  }
}

// The waiters have left, but may come back: until their age lapses, or for one patience after the last bytes returned.
bool Scheduler::Impl::keeps_plan_without_waiters(Plan& plan) {
  const bool all_back = std::ranges::none_of(
      plan.placement, [&](const DeviceBytes& s) { return coming(view, plan, s.device) > Bytes{}; });
  if (!all_back) plan.until = kNever;
  if (all_back && plan.until == kNever) plan.until = later(view.now, view.policy.patience);
  const Queue& queue = view.models.at(plan.waiter).queue;
  return view.now < queue.age_lapses(view.policy.patience)
             ? queue.waiting_since(view.now, view.policy.patience).has_value()
             : plan.until != kNever && view.now < plan.until;
}

void Scheduler::Impl::start(Model& model, const Want& want, const Candidate& candidate, bool by_cancelling) {
  assert(!worker(model.state) || ROUSE_FAULT(starts_twice));
  const WorkerId id{++workers_started};
  const Duration learnt = model.load_time.value_or(Duration{});
  if (candidate.clamped) model.oversize = Oversize::under_way;
  const Bytes before = held_by(model);
  view.ledger.hold(id, model.spec.id, candidate.placement);
  view.workers.emplace(id, model.spec.id);
  drop_plan(want.model);  // it is met
  Worker fresh{.id = id,
               .revision = model.spec.revision,
               .concurrency = std::max<std::uint32_t>(1, model.spec.concurrency),
               .stop_grace = model.spec.stop_grace,
               .by_cancelling = by_cancelling,
               .for_patient = want.since && later(*want.since, view.policy.patience) <= view.now,
               .leases = {}};
  const Duration bound =
      std::max(view.policy.load_timeout, learnt < Duration::max() / 4 ? 4 * learnt : Duration::max());
  transition(model, Trigger::start, Loading{std::move(fresh), view.now, later(view.now, bound)}, before);
  effects.push_back(StartWorker{id, model.spec.id, model.spec.revision, candidate.placement});
  if (ROUSE_FAULT(starts_twice)) {
    view.ledger.hold(WorkerId{++workers_started}, model.spec.id, candidate.placement);
    view.workers.emplace(WorkerId{workers_started}, model.spec.id);
    effects.push_back(StartWorker{WorkerId{workers_started}, model.spec.id, model.spec.revision, candidate.placement});
  }
}

// What was drained for it, and is still there, goes on serving.
void Scheduler::Impl::drop_plan(ModelId waiter) {
  const auto it = view.plans.find(waiter);
  if (it == view.plans.end()) return;
  for (WorkerId victim : it->second.victims) {
    if (Model* model = current(victim)) touch(*model);
  }
  view.plans.erase(it);
  if (Model* model = find(waiter)) touch(*model);
}

// Takes the plan over: its victims are stopped, drained or cancelled.
void Scheduler::Impl::adopt(const Plan& plan) {
  Plan& kept = view.plans[plan.waiter];
  for (WorkerId spared : kept.victims) {
    if (Model* model = plan.victims.contains(spared) ? nullptr : current(spared)) touch(*model);
  }
  kept = plan;
  for (WorkerId victim : plan.victims) {
    Model* model = current(victim);
    if (!model) continue;
    if (std::holds_alternative<Loading>(model->state)) {
      kept.cancels_a_load = true;
      begin_stop(*model, Trigger::cancel, std::nullopt, {});
    } else if (const auto* ready = std::get_if<Ready>(&model->state)) {
      if (ready->worker.leases.empty() || ROUSE_FAULT(evicts_leased)) {
        evict(*model);
      } else {
        begin_drain(*model, DrainedByPlan{plan.waiter});
      }
    }
  }
}

// Its last lease ended: only now can it give way, if anybody wants it to.
void Scheduler::Impl::worker_idles(const Model& model, const Ready& ready) {
  budgets_due = true;
  if (wanting.empty()) return;
  const TimePoint residency_ends = later(ready.since, residency(model));
  if (view.now >= residency_ends || strongest_want > priority(model))
    plans_due = true;
  else
    plan_timer = std::min(plan_timer, residency_ends);
}

// --- bookkeeping --------------------------------------------------------------------------------------------

void Scheduler::Impl::reindex(Model& model) {
  const ModelId id = model.spec.id;
  const Stage at = stage(model.state);
  const bool may_want =
      (at == Stage::cold || at == Stage::failed) && (!model.queue.empty() || model.preload || view.plans.contains(id));
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
    TimePoint operator()(const Cold&) const { return kNever; }
    TimePoint operator()(const Loading& s) const { return s.until; }
    TimePoint operator()(const Ready& s) const {
      if (!s.worker.leases.empty() || !model.queue.empty() || model.pinned || model.keep.is_forever()) return kNever;
      return later(s.last_used, model.keep.idle);
    }
    TimePoint operator()(const Draining& s) const {
      if (const auto* by_unload = std::get_if<DrainedByUnload>(&s.cause)) return by_unload->deadline;
      if (const auto* by_shutdown = std::get_if<DrainedByShutdown>(&s.cause)) return by_shutdown->deadline;
      return kNever;
    }
    TimePoint operator()(const Stopping& s) const { return s.until; }
    TimePoint operator()(const Failed& s) const { return model.queue.empty() ? kNever : s.retry_at; }
  };
  const TimePoint own = std::visit(Visitor{model}, model.state);
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
