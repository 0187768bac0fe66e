#include "core/sleep.hpp"

#include <algorithm>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

namespace rouse::core {

Bytes given_on(const View& view, const Row& row, DeviceId device) {
  const Bytes holds = bytes_on(row.bytes, device);
  const auto model = view.models.find(row.model);
  const auto* sleeping = model == view.models.end() ? nullptr : std::get_if<Sleeping>(&model->second.state);
  if (!sleeping || sleeping->worker.id != row.worker) return holds;
  return std::max(Bytes{}, holds - bytes_on(sleeping->asleep, device));
}

bool sleep_suffices(const View& view, const Model& model) {
  const Worker* held = worker(model.state);
  const Row* row = held ? view.ledger.find(held->id) : nullptr;
  if (!row || row->phase != Phase::live || !model.spec.asleep) return false;
  if (model.sleeps_badly && !ROUSE_FAULT(sleeps_again)) return false;
  if (!std::holds_alternative<Ready>(model.state) && !std::holds_alternative<Draining>(model.state)) return false;
  if (model.removed || held->revision != model.spec.revision || view.shutting_down) return false;
  const Placement& asleep = *model.spec.asleep;
  const auto keeps = [&](const DeviceBytes& share) { return bytes_on(asleep, share.device) >= share.bytes; };
  if (std::ranges::all_of(row->bytes, keeps)) return false;
  for (const auto& [device, entry] : view.ledger.devices()) {
    const Bytes holds = bytes_on(row->bytes, device);
    const Bytes kept = bytes_on(asleep, device);
    const Bytes grows = std::max(Bytes{}, kept - holds);
    const Bytes free = view.ledger.free(device) - grows;
    Bytes promised;  // of the free ones, to plans
    for (const auto& [waiter, plan] : view.plans) {
      const Bytes wants = bytes_on(plan.placement, device);
      Bytes gives = expected_of(view, plan, device);
      if (plan.victims.contains(held->id)) gives -= std::min(holds, kept);
      if (wants > Bytes{} && wants > free + gives) return false;
      promised += std::max(Bytes{}, wants - gives);
    }
    if ((grows > Bytes{} || promised > Bytes{}) && promised > free) return false;
  }
  return true;
}

// It holds what it takes awake and what it keeps asleep, whichever is more, until its sleep has been seen.
void Scheduler::Impl::begin_sleep(Model& model, StopReason reason) {
  const Bytes before = held_by(model);
  Worker held = std::move(*worker(model.state));
  held.leases.clear();  // it has none
  const WorkerId id = held.id;
  Placement live = view.ledger.find(id)->bytes;
  const Placement& asleep = *model.spec.asleep;
  view.ledger.resize(id, ROUSE_FAULT(frees_on_sleep) ? asleep : larger(live, asleep));
  transition(model, Trigger::sleep,
             Sleeping{.worker = std::move(held),
                      .live = std::move(live),
                      .asleep = asleep,
                      .since = view.now,
                      .until = later(view.now, model.spec.sleep_grace),
                      .reason = reason},
             before);
  effects.push_back(SleepWorker{id});
}

void Scheduler::Impl::apply(const Slept& e) {
  Model* model = current(e.worker);
  auto* sleeping = model ? std::get_if<Sleeping>(&model->state) : nullptr;
  if (!sleeping) return;
  const Bytes before = held_by(*model);
  view.ledger.resize(e.worker, sleeping->asleep);
  for (auto& [waiter, plan] : view.plans) plan.victims.erase(e.worker);  // it has given what it could
  model->queue.restart_age(view.now);
  Sleeping was = std::move(*sleeping);
  transition(*model, Trigger::slept, Asleep{std::move(was.worker), std::move(was.live), view.now}, before);
}

// The bytes that it had given up are free, so it takes them.
void Scheduler::Impl::wake(const Want& want) {
  Model& model = view.models.at(want.model);
  Asleep was = std::move(std::get<Asleep>(model.state));
  const WorkerId id = was.worker.id;
  const Bytes before = held_by(model);
  view.ledger.resize(id, larger(view.ledger.find(id)->bytes, was.live));
  drop_plan(want.model);  // it is met
  was.worker.for_patient = want.since && later(*want.since, view.policy.patience) <= view.now;
  const Duration learnt = model.wake_time.value_or(Duration{});
  const Duration bound =
      std::max(view.policy.load_timeout, learnt < Duration::max() / 4 ? 4 * learnt : Duration::max());
  transition(model, Trigger::wake, Waking{std::move(was.worker), std::move(was.live), view.now, later(view.now, bound)},
             before);
  effects.push_back(WakeWorker{id});
}

void Scheduler::Impl::apply(const Woken& e) {
  Model* model = current(e.worker);
  auto* waking = model ? std::get_if<Waking>(&model->state) : nullptr;
  if (!waking) return;
  const Bytes before = held_by(*model);
  view.ledger.resize(e.worker, waking->live);
  model->wake_time = view.now - waking->since;
  ++model->wakes;
  model->preload = false;
  model->queue.restart_age(view.now);
  Worker held = std::move(waking->worker);
  held.floor = view.floor;
  held.woken = true;
  transition(*model, Trigger::woken, Ready{std::move(held), view.now, view.now, arrivals}, before);
}

void Scheduler::Impl::apply(const SleepFailed& e) {
  Model* model = current(e.worker);
  if (model) fail_sleep(*model);
}

// Whoever waits for it waits for a load.
void Scheduler::Impl::fail_sleep(Model& model) {
  const bool slept = std::holds_alternative<Waking>(model.state);
  if (!slept && !std::holds_alternative<Sleeping>(model.state)) return;
  model.sleeps_badly = true;
  begin_stop(model, slept ? Trigger::wake_failed : Trigger::sleep_failed, StopReason::sleep_failed);
}

}  // namespace rouse::core
