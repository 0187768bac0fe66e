// Reservations: bytes of a device for a program that is not ours.
//
// One is a model of that size which a single request waits for, and a worker without a process that this request has
// the lease of; so whatever holds for waiting, plans, budgets and leases holds for it. What is its own is here: it is
// ready the moment its bytes are there, it ends with its lease or its time, and its bytes are nobody's until the next
// sample.
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

namespace rouse::core {

void Scheduler::Impl::apply(const Reserve& e) {
  if (view.shutting_down) return refuse(e.request, {.reason = Reason::shutting_down});
  if (e.deadline <= view.now) return refuse(e.request, {.reason = Reason::deadline});
  const ModelSpec spec{.id = e.reservation,
                       .placements = {{{e.device, e.bytes}}},
                       .size_source = SizeSource::configured,
                       .priority = e.priority,
                       .keep = Keep{Duration::zero()},
                       .concurrency = 1,
                       .expected_load = Duration::zero(),
                       .min_residency = Duration::zero(),
                       .reserved_for = e.lasts};
  Model& model =
      view.models.emplace(spec.id, Model{.spec = spec, .state = Cold{}, .queue = {}, .keep = spec.keep}).first->second;
  model.queue.push(Waiter{.request = e.request,
                          .client = e.client,
                          .priority = e.priority,
                          .arrival = ++arrivals,
                          .since = view.now,
                          .deadline = e.deadline,
                          .keep = std::nullopt},
                   view.policy.patience);
  requests[e.request] = Place{spec.id, WorkerId{}};
  touch(model);
  plans_due = true;
}

// Its bytes are there.
void Scheduler::Impl::grant(Model& model, Worker fresh, Bytes before) {
  fresh.floor = view.floor;
  transition(model, Trigger::start, Loading{fresh, view.now, kNever}, before);
  model.queue.restart_age(view.now);
  transition(model, Trigger::loaded, Ready{std::move(fresh), view.now, view.now, arrivals});
}

// Its time is over, though its lease is not.
void Scheduler::Impl::expire_reservation(Model& model) {
  const auto* ready = std::get_if<Ready>(&model.state);
  if (!ready || ROUSE_FAULT(reserves_for_ever) || later(ready->since, model.spec.reserved_for) > view.now) return;
  for (RequestId lease : ready->worker.leases) effects.push_back(CutLease{lease});
  begin_stop(model, Trigger::stop, StopReason::idle);
}

// Nothing has to stop, and nothing be waited for but a sample that says who has its bytes now.
void Scheduler::Impl::end_reservation(Model& model) {
  const WorkerId id = worker(model.state)->id;
  view.workers.erase(id);
  view.ledger.lapse(id);
  if (ROUSE_FAULT(frees_on_lapse)) view.ledger.release(id);
  transition(model, Trigger::exited, Cold{});
  model.removed = true;
}

}  // namespace rouse::core
