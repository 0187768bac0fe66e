#include "core/scheduler.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"
#include "core/sleep.hpp"

namespace rouse::core {

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::unknown_model: return "unknown model";
    case Reason::queue_full: return "queue full";
    case Reason::deadline: return "deadline";
    case Reason::not_ready: return "not ready";
    case Reason::unloading: return "unloading";
    case Reason::load_failed: return "load failed";
    case Reason::will_not_die: return "will not die";
    case Reason::too_large: return "too large";
    case Reason::taken_by_pins: return "taken by pins";
    case Reason::shutting_down: return "shutting down";
    case Reason::loading: return "loading";
    case Reason::pinned: return "pinned";
  }
  std::unreachable();
}

Scheduler::Scheduler(Policy policy) : impl_(std::make_unique<Impl>()) { impl_->view.policy = policy; }
Scheduler::~Scheduler() = default;

const View& Scheduler::view() const { return impl_->view; }

Effects Scheduler::step(const Event& event, TimePoint now) {
  assert(now >= impl_->view.now);
  impl_->view.now = now;
  std::visit([this](const auto& e) { impl_->apply(e); }, event);
  impl_->settle();
  return std::exchange(impl_->effects, {});
}

Model* Scheduler::Impl::find(ModelId id) {
  const auto it = view.models.find(id);
  return it == view.models.end() ? nullptr : &it->second;
}

Model* Scheduler::Impl::model_of(WorkerId id) {
  const auto it = view.workers.find(id);
  return it == view.workers.end() ? nullptr : find(it->second);
}

Model* Scheduler::Impl::current(WorkerId id) {
  Model* model = model_of(id);
  const Worker* held = model ? worker(model->state) : nullptr;
  return held && held->id == id ? model : nullptr;
}

void Scheduler::Impl::touch(Model& model) {
  if (dirty.empty() || dirty.back() != model.spec.id) dirty.push_back(model.spec.id);
}

Bytes Scheduler::Impl::held_by(const Model& model) const {
  Bytes sum;
  for (const auto& [id, row] : view.ledger.rows()) {
    if (row.model == model.spec.id) sum += total(row.bytes);
  }
  return sum;
}

void Scheduler::Impl::transition(Model& model, Trigger trigger, State next, std::optional<Bytes> before) {
  const Stage from = stage(model.state);
  const Stage to = stage(next);
  assert(legal(from, trigger, to));
  const Worker* of = worker(next) ? worker(next) : worker(model.state);
  WorkerId id = of ? of->id : WorkerId{};
  if (const auto* failed = std::get_if<Failed>(&model.state); failed && failed->undead) id = *failed->undead;
  const Bytes held = held_by(model);
  model.state = std::move(next);
  StopReason reason = StopReason::none;
  if (const auto* stopping = std::get_if<Stopping>(&model.state)) reason = stopping->reason;
  if (const auto* sleeping = std::get_if<Sleeping>(&model.state)) reason = sleeping->reason;
  effects.push_back(Announce{model.spec.id, id, from, trigger, to, before.value_or(held), held, reason});
  touch(model);
  plans_due = true;
  budgets_due = true;
}

void Scheduler::Impl::admit_waiter(Model& model, Ready& ready, const Waiter& waiter) {
  Worker& held = ready.worker;
  held.leases.push_back(waiter.request);
  ++held.frequency;
  held.floor = view.floor;
  ready.trimmed = false;
  model.keep = waiter.keep.value_or(model.spec.keep);
  requests[waiter.request] = Place{model.spec.id, held.id};
  effects.push_back(Admit{waiter.request, held.id});
}

void Scheduler::Impl::refuse(RequestId request, Refusal refusal) {
  requests.erase(request);
  effects.push_back(Refuse{request, std::move(refusal)});
}

void Scheduler::Impl::refuse_all(Model& model, const Refusal& refusal) {
  for (const Waiter& waiter : model.queue.clear(view.now)) refuse(waiter.request, refusal);
  touch(model);
}

TimePoint Scheduler::Impl::retry_at(const Model& model) const {
  if (ROUSE_FAULT(no_backoff)) return view.now;
  Duration wait = view.policy.backoff_first;
  for (std::uint32_t i = 1; i < model.failures && wait < view.policy.backoff_longest; ++i) wait *= 2;
  return later(view.now, std::min(wait, view.policy.backoff_longest));
}

void Scheduler::Impl::begin_stop(Model& model, Trigger trigger, StopReason reason, std::optional<Failure> then,
                                 std::string error) {
  const auto* draining = std::get_if<Draining>(&model.state);
  const bool unloading = draining && std::holds_alternative<DrainedByUnload>(draining->cause);
  Worker held = std::move(*worker(model.state));
  held.leases.clear();  // cut ones finish later, on a worker that is no longer current
  const WorkerId id = held.id;
  const Duration grace = held.stop_grace;
  if (Row* row = view.ledger.find(id)) {
    row->leaving_since = view.now;
    row->reason = reason;
  }
  transition(model, trigger,
             Stopping{.worker = std::move(held),
                      .since = view.now,
                      .until = later(view.now, grace),
                      .reason = reason,
                      .unloading = unloading,
                      .then = then,
                      .error = std::move(error)});
  if (is_reservation(model.spec.id)) return end_reservation(model);
  effects.push_back(StopWorker{id});
}

void Scheduler::Impl::evict(Model& model, StopReason reason) {
  view.floor = std::max(view.floor, value(view, model));
  if (sleep_suffices(view, model)) return begin_sleep(model, reason);
  begin_stop(model, Trigger::stop, reason);
}

void Scheduler::Impl::begin_drain(Model& model, DrainCause cause) {
  Ready was = std::move(std::get<Ready>(model.state));
  transition(model, Trigger::drain, Draining{std::move(was), cause, view.now});
}

void Scheduler::Impl::fail(Model& model, Trigger trigger, Failure how, const std::string& error,
                           std::optional<Bytes> before) {
  std::optional<WorkerId> undead;
  if (how == Failure::will_not_die) undead = worker(model.state)->id;
  transition(model, trigger, Failed{.how = how, .error = error, .retry_at = retry_at(model), .undead = undead}, before);
}

// The load is over and has failed: its waiters hear why.
void Scheduler::Impl::fail_load(Model& model, Trigger trigger, const std::string& error, std::optional<Bytes> before,
                                const std::vector<DeviceId>& short_of) {
  ++model.failures;
  model.preload = false;
  if (model.oversize == Oversize::under_way) model.oversize = Oversize::proved_too_large;
  Refusal refusal{.reason = Reason::load_failed, .retry_at = retry_at(model), .detail = error};
  const Worker* const tried = worker(model.state);
  const Row* const row = tried ? view.ledger.find(tried->id) : nullptr;
  if (!short_of.empty() && row) {
    refusal.device = short_of.front();
    refusal.needed = bytes_on(row->bytes, refusal.device);
    refusal.available = view.ledger.effective(refusal.device);
  }
  refuse_all(model, refusal);
  if (trigger == Trigger::exited || trigger == Trigger::start_failed) {
    fail(model, trigger, Failure::load, error, before);
  } else {
    begin_stop(model, trigger, StopReason::load_failed, Failure::load, error);
  }
}

}  // namespace rouse::core
