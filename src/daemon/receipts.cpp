// What came back of a worker's memory, told to whoever asked for its end, the log and observers: what it was seen to
// hold when it ended, as its row in the ledger may have been more.
#include <algorithm>
#include <utility>

#include "daemon/impl.hpp"

namespace rouse::daemon {

void Daemon::Impl::see_held(WorkerId id) {
  const auto worker = workers.find(id);
  if (worker == workers.end() || worker->second->tree() == 0) return;
  Weight& weight = weights[id];
  weight.tree = system::tree_memory(worker->second->tree());
  weight.processes = weight.tree.processes;
}

// What was seen on GPUs is of the time before it was ready. Until they have been looked at again, its row counts.
void Daemon::Impl::see_gpus_anew(WorkerId id) {
  Weight& weight = weights[id];
  weight.gpus.clear();
  weight.ready_at = looks_asked;
}

void Daemon::Impl::before_end(WorkerId id) {
  if (held_at_end.contains(id)) return;  // it has been told before
  see_held(id);
  note_held(id, *workers.at(id)->entry());
}

// When it is told to end, as its processes may go one after the other, or when it has ended by itself. Nobody has seen
// what it held if that was too soon.
void Daemon::Impl::note_held(WorkerId id, const Entry& entry) {
  const core::Row* row = scheduler.view().ledger.find(id);
  const auto weight = weights.find(id);
  if (!row || weight == weights.end() || held_at_end.contains(id)) return;
  core::Placement held = weighed(*row, weight->second, entry);
  for (core::DeviceBytes& share : held) {
    if (share.device == kHost && weight->second.tree.processes == 0) share.bytes = Bytes{};
  }
  held_at_end.emplace(id, std::move(held));
}

Receipt Daemon::Impl::receipt(WorkerId worker, const core::Placement& freed, const core::Placement& missing) const {
  Receipt receipt{.freed = memory_of(freed), .missing = memory_of(missing)};
  const auto held = held_at_end.find(worker);
  for (core::DeviceBytes& share : receipt.freed) {
    const bool is_whole = held != held_at_end.end() && !core::has_share(receipt.missing, share.device);
    if (is_whole) share.bytes = core::bytes_on(held->second, share.device);
  }
  return receipt;
}

void Daemon::Impl::perform(const core::Unloaded& effect) {
  const auto it = unloads.find(effect.request);
  if (it == unloads.end()) return;
  it->second->receipt = receipt(effect.worker, effect.freed, effect.missing);
  it->second->done.cancel();
}

void Daemon::Impl::perform(const core::Returned& effect) {
  const Entry* entry = catalogue.seen(effect.model);
  if (!entry || !entry->has_process()) return;
  Receipt told = receipt(effect.worker, effect.freed, effect.missing);
  told.took = effect.took;
  told.reason = core::name(effect.reason);
  if (told.confirmed()) held_at_end.erase(effect.worker);
  const std::string freed = describe(told.freed);
  const std::string missing = describe(told.missing);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(told.took).count();
  const std::string what = told.confirmed() ? std::format("{} came back", freed)
                                            : std::format("{} not seen back, {} came back", missing, freed);
  const std::string line =
      std::format("{}: {} after {} ms ({}), worker {}", entry->model.id, what, took, told.reason, effect.worker.value);
  const system::LogField fields[] = {
      {"event", "receipt"}, {"model", entry->model.id}, {"worker", static_cast<std::int64_t>(effect.worker.value)},
      {"freed", freed},     {"missing", missing},       {"confirmed", told.confirmed() ? "yes" : "no"},
      {"took_ms", took},    {"reason", told.reason}};
  parts.log.write(told.confirmed() ? system::Level::info : system::Level::warning, line, fields);
  for (Observer* observer : observers) observer->on_receipt(effect.model, effect.worker, told);
}

}  // namespace rouse::daemon
