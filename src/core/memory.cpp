// What is heard of memory: what workers hold, what devices have, what has come back, and where it ran out.
#include <algorithm>
#include <utility>

#include "core/fault.hpp"
#include "core/scheduler_impl.hpp"

namespace rouse::core {

void Scheduler::Impl::apply(const FootprintMeasured& e) {
  Model* model = current(e.worker);
  const Row* row = view.ledger.find(e.worker);
  if (!model || !row || row->phase != Phase::live) return;
  if (!same_devices(row->bytes, e.bytes)) return;
  const Stage at = stage(model->state);
  if (at == Stage::sleeping || at == Stage::waking) return;  // bytes come and go, and what it says is neither
  view.ledger.resize(e.worker, at == Stage::loading ? larger(row->bytes, e.bytes) : e.bytes);
  const bool whole = at == Stage::ready || at == Stage::draining;
  if (whole && worker(model->state)->revision == model->spec.revision) model->measured = e.bytes;
  plans_due = true;
  budgets_due = true;
}

void Scheduler::Impl::apply(const DeviceMeasured& e) {
  bool frozen = false;  // bytes come and go there right now
  for (const auto& [id, row] : view.ledger.rows()) {
    if (row.phase != Phase::live && bytes_on(row.bytes, e.device) > Bytes{}) frozen |= row.phase == Phase::owed;
    const Model* model = row.phase == Phase::live ? current(id) : nullptr;
    if (!model || bytes_on(row.bytes, e.device) == Bytes{}) continue;
    const Stage at = stage(model->state);
    frozen |= at == Stage::loading || at == Stage::sleeping || at == Stage::waking || at == Stage::stopping;
  }
  const bool was_shared = view.ledger.devices().contains(e.device) && view.ledger.devices().at(e.device).shared;
  auto [changed, gone] =
      view.ledger.measure(e, frozen, view.now, ROUSE_FAULT(believes_at_once) ? Duration{} : view.policy.calm);
  for (Row& row : gone) give_receipts(row);
  if (!changed) return;
  for (auto& [id, model] : view.models) {  // what is kept beside others, and what was kept for a sample
    if (was_shared != e.shared || model.removed) touch(model);
  }
  plans_due = true;
  budgets_due = true;
}

void Scheduler::Impl::apply(const Trimmed& e) {
  Model* model = current(e.worker);
  Ready* ready = model ? std::get_if<Ready>(&model->state) : nullptr;
  if (auto* draining = model ? std::get_if<Draining>(&model->state) : nullptr) ready = &draining->was;
  if (!ready || ready->trims_until == kNever) return;
  ready->trims_until = kNever;
  ready->trimmed = ready->worker.leases.empty() && !ROUSE_FAULT(trims_for_ever);
  plans_due = true;
}

void Scheduler::Impl::apply(const BytesReturned& e) {
  if (Model* model = current(e.worker); model && !std::holds_alternative<Stopping>(model->state)) return;
  const Row* held = view.ledger.find(e.worker);
  if (!held || is_reservation(held->model)) return;  // only a sample says whose those bytes are
  const bool partly = !e.devices.empty();
  if (partly && held->phase != Phase::owed && held->phase != Phase::unconfirmed) return;
  plans_due = true;
  budgets_due = true;
  Model* const model = find(held->model);
  if (model) touch(*model);
  if (partly && !view.ledger.give_back(e.worker, e.devices)) return;  // more is to come
  auto row = view.ledger.release(e.worker);
  give_receipts(*row);
}

// Of what its row had when it ended, less what it has still.
Unloaded Scheduler::Impl::receipt_of(const Row& row) const {
  const bool is_gone = !view.ledger.find(row.worker);
  Unloaded receipt{.request = {}, .worker = row.worker, .freed = row.owed.empty() ? row.bytes : row.owed};
  for (DeviceBytes& share : receipt.freed) {
    const Bytes left = is_gone || is_group(share.device) ? Bytes{} : bytes_on(row.bytes, share.device);
    share.bytes -= left;
    if (left > Bytes{}) receipt.missing.push_back({share.device, left});
  }
  return receipt;
}

void Scheduler::Impl::give_receipts(Row& row) {
  auto [asked_by, worker, freed, missing] = receipt_of(row);
  for (RequestId request : std::exchange(row.receipts, {}))
    effects.push_back(Unloaded{request, worker, freed, missing});
  const Duration took = row.leaving_since == kNever ? Duration{} : view.now - row.leaving_since;
  effects.push_back(Returned{row.model, row.worker, std::move(freed), std::move(missing), took, row.reason});
}

// Its last worker has ended, and not all of its bytes have been seen back: they are waited for, or known to be missing.
bool Scheduler::Impl::answer_by_former(const Unload& e) {
  Row* former = nullptr;
  for (const auto& [worker, row] : view.ledger.rows()) {
    if (row.model == e.model && (row.phase == Phase::owed || row.phase == Phase::unconfirmed))
      former = view.ledger.find(worker);
  }
  if (!former) return false;
  if (former->phase == Phase::owed) {
    former->receipts.push_back(e.request);
  } else {
    effects.push_back(receipt_of(*former));
    std::get<Unloaded>(effects.back()).request = e.request;
  }
  return true;
}

// --- out of memory --------------------------------------------------------------------------------------------

// Its memory has run out there: it needs a quarter more than it was given.
void Scheduler::Impl::need_more(Model& model, const std::vector<DeviceId>& short_of) {
  const Worker* held = worker(model.state);
  const Row* row = held ? view.ledger.find(held->id) : nullptr;
  if (!row || short_of.empty() || model.removed || held->revision != model.spec.revision) return;
  const Stage at = stage(model.state);
  if (at != Stage::loading && at != Stage::ready && at != Stage::draining) return;  // its row is not what it takes
  Placement more = row->bytes;
  for (DeviceBytes& share : more) {
    if (!is_group(share.device) && std::ranges::contains(short_of, share.device))
      share.bytes += Bytes{share.bytes.count / 4};
  }
  model.needs = model.needs && same_devices(*model.needs, more) ? larger(*model.needs, more) : more;
}

// Once, for those who wait: its bytes come back, and more are made free for it. True if it is.
bool Scheduler::Impl::try_again(Model& model, Trigger trigger, const std::string& error) {
  if ((model.tried_again && !ROUSE_FAULT(tries_for_ever)) || model.queue.empty() || model.removed) return false;
  model.tried_again = true;
  if (model.oversize == Oversize::under_way) return false;  // there is no more
  if (trigger == Trigger::exited)
    transition(model, Trigger::ran_out, Cold{});
  else
    begin_stop(model, Trigger::load_failed, StopReason::load_failed, std::nullopt, error);
  return true;
}

}  // namespace rouse::core
