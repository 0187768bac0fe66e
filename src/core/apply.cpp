// Events, one function each: what a fact changes at once. What follows from it is settle.cpp's.
#include <algorithm>
#include <format>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

namespace rouse::core {

// --- clients ------------------------------------------------------------------------------------------------

std::optional<Refusal> Scheduler::Impl::refusal_of_newcomer(const Model& model, const Submit& e) const {
  const Refusal unloading{.reason = Reason::unloading};
  if (e.deadline <= view.now) return Refusal{.reason = Reason::deadline};
  if (const auto* draining = std::get_if<Draining>(&model.state)) {
    if (std::holds_alternative<DrainedByUnload>(draining->cause)) return unloading;
  }
  if (const auto* stopping = std::get_if<Stopping>(&model.state)) {
    if (stopping->unloading) return unloading;
    if (stopping->then == Failure::load && e.origin == Origin::client)
      return Refusal{.reason = Reason::load_failed, .retry_at = retry_at(model), .detail = stopping->error};
  }
  if (const auto* failed = std::get_if<Failed>(&model.state)) {
    if (failed->undead) return Refusal{.reason = Reason::will_not_die, .detail = failed->error};
    if (failed->how == Failure::load && view.now < failed->retry_at && e.origin == Origin::client)
      return Refusal{.reason = Reason::load_failed, .retry_at = failed->retry_at, .detail = failed->error};
  }
  if (e.patience == Patience::only_if_ready && !std::holds_alternative<Ready>(model.state))
    return Refusal{.reason = Reason::not_ready};
  if (model.queue.size() >= model.spec.queue_limit) return Refusal{.reason = Reason::queue_full};
  return std::nullopt;
}

void Scheduler::Impl::apply(const Submit& e) {
  Model* model = find(e.model);
  if (view.shutting_down) return refuse(e.request, {.reason = Reason::shutting_down});
  if (!model || model->removed) return refuse(e.request, {.reason = Reason::unknown_model});
  const Waiter waiter{.request = e.request,
                      .client = e.client,
                      .priority = e.priority,
                      .origin = e.origin,
                      .patience = e.patience,
                      .arrival = ++arrivals,
                      .since = view.now,
                      .deadline = e.deadline,
                      .keep = e.keep};
  if (auto* ready = std::get_if<Ready>(&model->state);  // the hot path: nobody waits and there is room
      ready && model->queue.empty() && ready->worker.leases.size() < ready->worker.concurrency &&
      e.deadline > view.now) {
    return admit_waiter(*model, *ready, waiter);
  }
  if (auto refusal = refusal_of_newcomer(*model, e)) return refuse(e.request, std::move(*refusal));
  const bool first = model->queue.empty();
  const Priority before = priority(*model);
  model->queue.push(waiter, view.policy.patience);
  requests[e.request] = Place{e.model, WorkerId{}};
  touch(*model);
  if (first || priority(*model) > before || e.origin == Origin::operator_) plans_due = true;
}

void Scheduler::Impl::apply(const Abandon& e) {
  const auto it = requests.find(e.request);
  if (it == requests.end() || it->second.worker != WorkerId{}) return;
  Model* model = find(it->second.model);
  requests.erase(it);
  if (!model) return;
  model->queue.erase(e.request, view.now);
  touch(*model);
  plans_due = true;
}

void Scheduler::Impl::apply(const Finish& e) {
  const auto it = requests.find(e.request);
  if (it == requests.end()) return;
  const Place place = it->second;
  if (place.worker == WorkerId{}) return apply(Abandon{e.request});
  requests.erase(it);
  Model* model = current(place.worker);
  if (!model) return;
  Ready* ready = std::get_if<Ready>(&model->state);
  if (auto* draining = std::get_if<Draining>(&model->state)) ready = &draining->was;
  if (!ready) return;
  std::vector<RequestId>& leases = ready->worker.leases;
  const auto lease = std::ranges::find(leases, e.request);
  if (lease == leases.end()) return;
  *lease = leases.back();
  leases.pop_back();
  ready->last_used = view.now;
  if (e.outcome == Outcome::ok) model->failures = 0;
  touch(*model);
  if (leases.empty()) worker_idles(*model, *ready);
}

// --- workers ------------------------------------------------------------------------------------------------

void Scheduler::Impl::apply(const Loaded& e) {
  Model* model = current(e.worker);
  auto* loading = model ? std::get_if<Loading>(&model->state) : nullptr;
  if (!loading) return;
  model->load_time = view.now - loading->since;
  model->preload = false;
  model->tried_again = false;
  ++model->loads;
  if (model->oversize == Oversize::under_way) model->oversize = Oversize::proved_to_fit;
  model->queue.restart_age(view.now);
  Worker held = std::move(loading->worker);
  held.floor = view.floor;
  transition(*model, Trigger::loaded, Ready{std::move(held), view.now, view.now, arrivals});
}

void Scheduler::Impl::apply(const LoadFailed& e) {
  Model* model = current(e.worker);
  if (!model || !std::holds_alternative<Loading>(model->state)) return;
  need_more(*model, e.short_of);
  if (!e.short_of.empty() && try_again(*model, Trigger::load_failed, e.error)) return;
  fail_load(*model, Trigger::load_failed, e.error, std::nullopt, e.short_of);
}

void Scheduler::Impl::apply(const Exited& e) {
  Model* model = model_of(e.worker);
  if (!model || is_reservation(model->spec.id)) return;  // which has no process
  view.workers.erase(e.worker);
  if (Row* row = view.ledger.find(e.worker)) {
    if (row->leaving_since == kNever) {
      row->leaving_since = view.now;
      row->reason = StopReason::ended;
    }
    view.ledger.owe(e.worker, later(view.now, view.policy.return_bound));
  }
  if (ROUSE_FAULT(frees_on_exit)) view.ledger.release(e.worker);
  plans_due = true;
  budgets_due = true;
  touch(*model);
  if (const auto* failed = std::get_if<Failed>(&model->state); failed && failed->undead == e.worker) {
    model->queue.restart_age(view.now);
    return transition(*model, Trigger::exited, Cold{});
  }
  if (const Worker* held = worker(model->state); !held || held->id != e.worker) return;
  need_more(*model, e.short_of);
  if (std::holds_alternative<Sleeping>(model->state) || std::holds_alternative<Waking>(model->state))
    model->sleeps_badly = true;
  if (std::holds_alternative<Loading>(model->state)) {
    if (!e.short_of.empty() && try_again(*model, Trigger::exited, e.error)) return;
    return fail_load(*model, Trigger::exited, e.error, std::nullopt, e.short_of);
  }
  // A drained model's own waiting starts anew when it exits, however that ends.
  const bool gave_way = std::holds_alternative<Draining>(model->state) ||
                        std::holds_alternative<Sleeping>(model->state) ||
                        std::holds_alternative<Stopping>(model->state);
  if (gave_way) model->queue.restart_age(view.now);
  if (const auto* stopping = std::get_if<Stopping>(&model->state)) {
    if (stopping->then) return fail(*model, Trigger::exited, *stopping->then, std::string(stopping->error));
    return transition(*model, Trigger::exited, Cold{});
  }
  // Again and again, without a request between that went well: waiting for the next time is of no use.
  if (model->failures + 1 >= view.policy.crashes_in_a_row)
    return fail_load(*model, Trigger::exited, e.error, std::nullopt, e.short_of);
  ++model->failures;
  fail(*model, Trigger::exited, Failure::crash, e.error);
}

void Scheduler::Impl::apply(const EffectFailed& e) {
  Model* model = current(e.worker);
  if (!model) return;
  if (std::holds_alternative<Stopping>(model->state)) {  // cancelled meanwhile: what never was has ended
    apply(Exited{e.worker, e.error});
    return apply(BytesReturned{e.worker});
  }
  if (!std::holds_alternative<Loading>(model->state)) return;
  const Bytes before = held_by(*model);
  view.workers.erase(e.worker);
  view.ledger.release(e.worker);
  fail_load(*model, Trigger::start_failed, e.error, before);
}

void Scheduler::Impl::apply(const EffectTimedOut& e) {
  Model* model = current(e.worker);
  if (!model) return;
  if (const auto* loading = std::get_if<Loading>(&model->state)) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(view.now - loading->since);
    return fail_load(*model, Trigger::load_timed_out, std::format("not ready after {} s", waited.count()));
  }
  if (std::holds_alternative<Sleeping>(model->state) || std::holds_alternative<Waking>(model->state))
    return fail_sleep(*model);
  auto* stopping = std::get_if<Stopping>(&model->state);
  if (!stopping) return;
  if (!stopping->killing) {
    Stopping killed = std::move(*stopping);
    killed.killing = true;
    killed.until = later(view.now, view.policy.kill_timeout);
    transition(*model, Trigger::stop_timed_out, std::move(killed));
    effects.push_back(KillWorker{e.worker});
    return;
  }
  const std::string error = "its process cannot be ended";
  ++model->failures;
  if (Row* row = view.ledger.find(e.worker)) {
    view.ledger.give_up(e.worker);
    for (RequestId request : std::exchange(row->receipts, {}))
      effects.push_back(Refuse{request, {.reason = Reason::will_not_die, .detail = error}});
  }
  refuse_all(*model, {.reason = Reason::will_not_die, .detail = error});
  fail(*model, Trigger::kill_timed_out, Failure::will_not_die, error);
}

// --- operators ----------------------------------------------------------------------------------------------

void Scheduler::Impl::apply(const Preload& e) {
  Model* model = find(e.model);
  if (!model || model->removed || view.shutting_down) return;
  const Stage at = stage(model->state);
  if (at != Stage::cold && at != Stage::failed && at != Stage::asleep) return;
  model->preload_evicts = e.evicts == Evicts::yes || (model->preload && model->preload_evicts);
  model->preload = true;
  touch(*model);
  plans_due = true;
}

void Scheduler::Impl::apply(const Unload& e) {
  auto refuse_unload = [&](Reason reason, std::string detail = {}) {
    effects.push_back(Refuse{e.request, {.reason = reason, .detail = std::move(detail)}});
  };
  Model* model = find(e.model);
  if (!model) return refuse_unload(Reason::unknown_model);
  if (const auto* failed = std::get_if<Failed>(&model->state); failed && failed->undead)
    return refuse_unload(Reason::will_not_die, failed->error);
  const Worker* held = worker(model->state);
  if (held && model->pinned && e.force == Force::no) return refuse_unload(Reason::pinned);
  const Stage at = stage(model->state);
  const bool awaited = at == Stage::loading || at == Stage::sleeping || at == Stage::asleep || at == Stage::waking;
  if (awaited && !model->queue.empty() && e.force == Force::no) return refuse_unload(Reason::loading);
  model->preload = false;
  refuse_all(*model, {.reason = Reason::unloading});
  if (!held) {
    if (!answer_by_former(e)) effects.push_back(Unloaded{e.request});
    return;
  }
  if (Row* row = view.ledger.find(held->id)) {
    row->receipts.push_back(e.request);
  } else {
    effects.push_back(Unloaded{e.request});  // its bytes were back before its process
  }
  const TimePoint deadline = e.force == Force::yes ? e.deadline : kNever;
  if (at == Stage::loading || at == Stage::waking) {
    begin_stop(*model, Trigger::cancel, StopReason::unloaded);
  } else if (at == Stage::sleeping || at == Stage::asleep) {
    begin_stop(*model, Trigger::stop, StopReason::unloaded);
  } else if (std::holds_alternative<Ready>(model->state)) {
    begin_drain(*model, DrainedByUnload{e.force, deadline});
  } else if (auto* draining = std::get_if<Draining>(&model->state)) {
    if (const auto* before = std::get_if<DrainedByUnload>(&draining->cause)) {
      draining->cause = DrainedByUnload{std::max(before->force, e.force), std::min(before->deadline, deadline)};
    } else if (auto* by_shutdown = std::get_if<DrainedByShutdown>(&draining->cause)) {
      by_shutdown->deadline = std::min(by_shutdown->deadline, deadline);
    } else {
      draining->cause = DrainedByUnload{e.force, deadline};
    }
    touch(*model);
  }
  if (auto* stopping = std::get_if<Stopping>(&model->state)) stopping->unloading = true;
}

void Scheduler::Impl::apply(const Pin& e) {
  Model* model = find(e.model);
  if (!model) return;
  model->pinned = e.pinned;
  touch(*model);
  plans_due = true;
  budgets_due = true;
}

void Scheduler::Impl::apply(const Forget& e) {
  Model* model = find(e.model);
  if (!model) return;
  model->needs.reset();
  model->measured.reset();
  model->load_time.reset();
  model->wake_time.reset();
  model->tried_again = false;
  model->sleeps_badly = false;
  model->failures = 0;
  if (model->oversize != Oversize::under_way) model->oversize = Oversize::untried;
  if (const auto* failed = std::get_if<Failed>(&model->state); failed && !failed->undead)
    transition(*model, Trigger::clear, Cold{});
  touch(*model);
  plans_due = true;
}

void Scheduler::Impl::apply(const CatalogueChanged& e) {
  if (e.policy) view.policy = *e.policy;
  for (const Budget& budget : e.budgets) view.ledger.set_budget(budget);
  for (const ModelSpec& spec : e.changed) {
    if (Model* model = find(spec.id)) {
      change_entry(*model, spec);
      continue;
    }
    Model fresh{
        .spec = spec, .state = Cold{}, .queue = {}, .keep = spec.keep, .pinned = spec.pinned, .preload = spec.preload};
    take_learnt(fresh, {});
    touch(view.models.emplace(spec.id, std::move(fresh)).first->second);
  }
  for (ModelId id : e.removed) {
    if (Model* model = find(id)) remove_entry(*model);
  }
  plans_due = true;
  budgets_due = true;
}

// What is news to it.
void Scheduler::Impl::take_learnt(Model& model, const Learnt& before) {
  const Learnt& learnt = model.spec.learnt;
  if (learnt.footprint != before.footprint) model.measured = learnt.footprint;
  if (learnt.needed != before.needed) model.needs = learnt.needed;
  if (learnt.load != before.load) model.load_time = learnt.load;
  if (learnt.wake != before.wake) model.wake_time = learnt.wake;
}

void Scheduler::Impl::change_entry(Model& model, const ModelSpec& spec) {
  const ModelSpec old = std::exchange(model.spec, spec);
  model.removed = false;
  if (old.pinned != spec.pinned) model.pinned = spec.pinned;
  if (old.keep != spec.keep) model.keep = spec.keep;
  touch(model);
  if (old.revision == spec.revision) return take_learnt(model, old.learnt);
  model.measured = spec.learnt.footprint;
  model.needs = spec.learnt.needed;
  model.load_time = spec.learnt.load;
  model.wake_time = spec.learnt.wake;
  model.tried_again = false;
  model.sleeps_badly = false;
  model.failures = 0;
  model.oversize = Oversize::untried;
  if ((std::holds_alternative<Loading>(model.state) || std::holds_alternative<Waking>(model.state)) &&
      model.queue.empty())
    begin_stop(model, Trigger::cancel, StopReason::changed);
  if (const auto* failed = std::get_if<Failed>(&model.state); failed && !failed->undead)
    transition(model, Trigger::clear, Cold{});
}

void Scheduler::Impl::remove_entry(Model& model) {
  model.removed = true;
  model.preload = false;
  refuse_all(model, {.reason = Reason::unknown_model});
  if (std::holds_alternative<Loading>(model.state) || std::holds_alternative<Waking>(model.state))
    begin_stop(model, Trigger::cancel, StopReason::changed);
  if (const auto* failed = std::get_if<Failed>(&model.state); failed && !failed->undead)
    transition(model, Trigger::clear, Cold{});
  touch(model);
}

void Scheduler::Impl::apply(const Shutdown& e) {
  view.shutting_down = std::min(view.shutting_down.value_or(kNever), e.deadline);
  for (auto& [id, model] : view.models) {
    model.preload = false;
    refuse_all(model, {.reason = Reason::shutting_down});
    const Stage at = stage(model.state);
    if (at == Stage::loading || at == Stage::waking) begin_stop(model, Trigger::cancel, StopReason::shutdown);
    if (at == Stage::sleeping || at == Stage::asleep) begin_stop(model, Trigger::stop, StopReason::shutdown);
    const TimePoint until = is_reservation(id) ? view.now : e.deadline;  // whoever holds one need not end for us
    if (std::holds_alternative<Ready>(model.state)) begin_drain(model, DrainedByShutdown{until});
    if (auto* draining = std::get_if<Draining>(&model.state)) {
      TimePoint cut_at = *view.shutting_down;
      if (const auto* before = std::get_if<DrainedByUnload>(&draining->cause))
        cut_at = std::min(cut_at, before->deadline);
      if (const auto* before = std::get_if<DrainedByShutdown>(&draining->cause))
        cut_at = std::min(cut_at, before->deadline);
      draining->cause = DrainedByShutdown{cut_at};
    }
    touch(model);
  }
}

void Scheduler::Impl::apply(const Tick&) {}

}  // namespace rouse::core
