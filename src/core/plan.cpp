// What is decided about the wants, done: first everything is given back, then whatever fits is started, and only when
// there is nothing more of either, others get their notice. So nobody gives way to a plan that a stronger want, seeing
// what was given back and taken, would have forbidden.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

namespace rouse::core {

void Scheduler::Impl::plan() {
  if (wanting.empty() && view.plans.empty()) return;
  std::vector<Want> wants;
  for (ModelId id : wanting) {
    if (const auto want = want_of(view, view.models.at(id))) wants.push_back(*want);
  }
  if (drop_unwanted(wants)) return;
  sort_by_strength(view, wants);
  const std::vector<Decision> decisions = decide(view, wants);
  if (give_back(decisions)) return;

  if (start_all(decisions)) return;

  strongest_want = wants.empty() ? Priority::low : std::ranges::max_element(wants, {}, &Want::priority)->priority;
  std::vector<ModelId> made;
  Placement promised;  // to those who wait for caches to be dropped: the weaker begin nothing new there
  for (const Decision& decision : decisions) {
    const auto* plan = std::get_if<Plan>(&decision.then);
    if (!plan) continue;
    const auto old = view.plans.find(plan->waiter);
    const bool begins = old == view.plans.end() || !std::ranges::includes(old->second.victims, plan->victims);
    const auto is_promised = [&](const DeviceBytes& share) {
      return share.bytes > Bytes{} && std::ranges::contains(promised, share.device, &DeviceBytes::device);
    };
    const auto sleeps_there = [&](WorkerId victim) {  // and may take more there than it does awake
      const Model* model = current(victim);
      return model && model->spec.asleep && std::ranges::any_of(*model->spec.asleep, is_promised);
    };
    const bool held_up = begins && (std::ranges::any_of(plan->placement, is_promised) ||
                                    std::ranges::any_of(plan->victims, sleeps_there));
    if (held_up || trims_first(*plan)) {
      promised = larger(promised, plan->placement);
      if (old != view.plans.end()) drop_plan(plan->waiter);  // what it has got so far does not suffice any more
      continue;
    }
    view.plans[plan->waiter] = *plan;
    made.push_back(plan->waiter);
  }
  for (ModelId waiter : made) give_notice(waiter);
  plan_timer = plans_change(decisions);
}

namespace {

bool is_wanted(const Model& model) {  // by those who wait, or whom a fallback has served
  return !model.queue.empty() || (model.preload && model.preload_evicts);
}

}  // namespace

// A plan belongs to a want; without one it is dropped and holds nothing.
bool Scheduler::Impl::drop_unwanted(std::span<const Want> wants) {
  std::vector<ModelId> unwanted;
  for (auto& [id, plan] : view.plans) {
    const bool wanted = std::ranges::contains(wants, id, &Want::model) &&
                        (is_wanted(view.models.at(id)) || keeps_plan_without_waiters(plan));
    if (!wanted) unwanted.push_back(id);
  }
  for (ModelId id : unwanted) drop_plan(id);
  return !unwanted.empty();
}

// True if something was: then everything has to be decided anew.
bool Scheduler::Impl::give_back(std::span<const Decision> decisions) {
  bool given = false;
  for (const auto& [want, then] : decisions) {
    Model& model = view.models.at(want.model);
    if (!std::holds_alternative<Refusal>(then) || !std::holds_alternative<Asleep>(model.state)) continue;
    if (model.queue.empty()) continue;
    // It cannot wake where it is, and may have room elsewhere. Then it is in nobody's way, even if it is pinned.
    begin_stop(model, Trigger::stop, StopReason::evicted);
    given = true;
  }
  if (given) return true;
  for (const auto& [want, then] : decisions) {
    const auto it = view.plans.find(want.model);
    if (const auto* refusal = std::get_if<Refusal>(&then)) {
      Model& model = view.models.at(want.model);
      model.preload = false;
      refuse_all(model, *refusal);
      touch(model);
      drop_plan(want.model);
      given = true;
    } else if (it == view.plans.end()) {
      continue;
    } else if (std::holds_alternative<Waits>(then)) {
      drop_plan(want.model);
      given = true;
    } else {
      const Plan* kept = std::get_if<Plan>(&then);
      given |= spare(it->second, kept ? kept->victims : std::set<WorkerId>());
    }
  }
  plans_due |= given;
  return given;
}

// What fits is started; true if anything was: what is pinned among it takes bytes that others had counted on.
bool Scheduler::Impl::start_all(std::span<const Decision> decisions) {
  bool started = false;
  for (const auto& [want, then] : decisions) {
    const auto* candidate = std::get_if<Candidate>(&then);
    if (!candidate) continue;
    start(want, *candidate);
    started = true;
  }
  plans_due |= started;
  return started;
}

// Lets those that drain for the plan, and are not needed, go on serving; true if there are any.
bool Scheduler::Impl::spare(Plan& plan, const std::set<WorkerId>& needed) {
  return std::erase_if(plan.victims, [&](WorkerId id) {
           Model* model = needed.contains(id) ? nullptr : current(id);
           if (!model || !std::holds_alternative<Draining>(model->state)) return false;
           touch(*model);
           return true;
         }) > 0;
}

// Idle victims that can drop their caches do that first, once; then it is planned anew, perhaps without them. What has
// been begun goes on without.
bool Scheduler::Impl::trims_first(const Plan& plan) {
  if (view.plans.contains(plan.waiter)) return false;
  bool waits = false;
  for (WorkerId victim : plan.victims) {
    Model* model = current(victim);
    auto* ready = model ? std::get_if<Ready>(&model->state) : nullptr;
    if (!ready || !ready->worker.leases.empty() || !model->spec.trims || ready->trimmed) continue;
    waits = true;
    if (ready->trims_until != kNever) continue;  // it does already
    ready->trims_until = later(view.now, view.policy.trim_timeout);
    effects.push_back(TrimWorker{victim});
    touch(*model);
  }
  return waits;
}

// When time alone may change what was decided.
TimePoint Scheduler::Impl::plans_change(std::span<const Decision> decisions) const {
  TimePoint next = kNever;
  auto consider = [&](TimePoint t) {
    if (t > view.now) next = std::min(next, t);
  };
  const bool unmet = std::ranges::any_of(decisions, [](const Decision& d) {
    return std::holds_alternative<Plan>(d.then) || (std::holds_alternative<Waits>(d.then) && !d.want.preload);
  });
  if (!unmet) return next;
  for (const auto& [worker, id] : view.workers) {
    if (const auto model = view.models.find(id); model != view.models.end())
      consider(verdict_changes(view, model->second));
  }
  for (const auto& [want, then] : decisions) {
    if (const auto plan = view.plans.find(want.model); plan != view.plans.end() && plan->second.until != kNever)
      consider(plan->second.until);
    if (!want.since) continue;
    for (Duration p = view.policy.patience, i{}; i < Duration{3}; p *= 2, ++i) consider(later(*want.since, p));
    consider(view.models.at(want.model).queue.age_lapses(view.policy.patience));
  }
  return next;
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

void Scheduler::Impl::start(const Want& want, const Candidate& candidate) {
  Model& model = view.models.at(want.model);
  if (std::holds_alternative<Asleep>(model.state)) return wake(want);
  const auto plan = view.plans.find(want.model);
  const bool by_cancelling = plan != view.plans.end() && plan->second.cancels_a_load;
  assert(!worker(model.state) || ROUSE_FAULT(starts_twice));
  const WorkerId id{++workers_started};
  const Duration learnt = model.load_time.value_or(Duration{});
  if (candidate.clamped)
    model.oversize = Oversize::under_way;
  else if (model.oversize == Oversize::under_way)
    model.oversize = Oversize::untried;  // that load was cancelled, and has proved nothing
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
  if (is_reservation(model.spec.id)) return grant(model, std::move(fresh), before);
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
  plans_due = true;
}

// The plan's victims are stopped, put to sleep, drained or cancelled.
void Scheduler::Impl::give_notice(ModelId waiter) {
  Plan& plan = view.plans.at(waiter);
  for (WorkerId victim : plan.victims) {
    Model* model = current(victim);
    if (!model) continue;
    if (std::holds_alternative<Loading>(model->state)) {
      plan.cancels_a_load = true;
      begin_stop(*model, Trigger::cancel, StopReason::evicted);
    } else if (std::holds_alternative<Asleep>(model->state)) {
      evict(*model, StopReason::evicted);
    } else if (const auto* ready = std::get_if<Ready>(&model->state)) {
      if (ready->worker.leases.empty() || ROUSE_FAULT(evicts_leased)) {
        evict(*model, StopReason::evicted);
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

}  // namespace rouse::core
