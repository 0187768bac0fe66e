#include "core/ledger.hpp"

#include <algorithm>
#include <utility>

namespace rouse::core {
void Ledger::set_budget(const Budget& budget) { devices_[budget.device].budget = budget; }

bool Ledger::measure(const DeviceMeasured& sample, bool frozen) {
  Device& device = devices_[sample.device];
  const Bytes before = effective(sample.device);
  device.budget.total = sample.total;
  device.used = sample.used;
  if (!sample.trees && frozen) return effective(sample.device) != before;
  Bytes ours;
  Bytes owed;
  Bytes unconfirmed;
  for (const auto& [worker, row] : rows_) {
    const Bytes bytes = bytes_on(row.bytes, sample.device);
    if (row.phase == Phase::owed)
      owed += bytes;
    else if (row.phase == Phase::unconfirmed)
      unconfirmed += bytes;
    else if (!sample.trees)
      ours += bytes;  // nobody says whose bytes they are: what our rows do not explain is foreign
  }
  for (const TreeBytes& tree : sample.trees.value_or(std::vector<TreeBytes>{})) {
    if (rows_.contains(tree.worker)) ours += tree.bytes;
  }
  // Less in use than our trees and the unconfirmed together: the difference is gone.
  Bytes vanished = std::clamp(ours + unconfirmed - sample.used, Bytes{}, unconfirmed);
  bool freed = vanished > Bytes{};
  device.others = std::max(Bytes{}, sample.used - ours - owed - (unconfirmed - vanished));
  for (auto it = rows_.begin(); it != rows_.end();) {
    Row& row = it->second;
    if (row.phase == Phase::unconfirmed) {
      for (DeviceBytes& share : row.bytes) {
        if (share.device != sample.device) continue;
        const Bytes part = std::min(vanished, share.bytes);
        share.bytes -= part;
        device.held -= part;
        vanished -= part;
      }
    }
    if (row.phase != Phase::unconfirmed || core::total(row.bytes) > Bytes{}) {
      ++it;
      continue;
    }
    add(row.bytes, -1);  // its place in a group
    it = rows_.erase(it);
    freed = true;
  }
  return freed || effective(sample.device) != before;
}

void Ledger::hold(WorkerId worker, ModelId model, Placement bytes) {
  add(bytes, +1);
  rows_.emplace(worker, Row{.worker = worker, .model = model, .bytes = std::move(bytes), .receipts = {}});
}

void Ledger::resize(WorkerId worker, Placement bytes) {
  Row& row = rows_.at(worker);
  add(row.bytes, -1);
  add(bytes, +1);
  row.bytes = std::move(bytes);
}

void Ledger::owe(WorkerId worker, TimePoint until) {
  Row& row = rows_.at(worker);
  if (row.phase != Phase::owed) ++owed_;
  row.phase = Phase::owed;
  row.until = until;
}

void Ledger::give_up(WorkerId worker) { rows_.at(worker).phase = Phase::stuck; }

std::vector<WorkerId> Ledger::expire(TimePoint now) {
  std::vector<WorkerId> late;
  if (owed_ == 0) return late;
  for (auto& [worker, row] : rows_) {
    if (row.phase != Phase::owed || row.until > now) continue;
    row.phase = Phase::unconfirmed;
    --owed_;
    late.push_back(worker);
  }
  return late;
}

std::optional<Row> Ledger::release(WorkerId worker) {
  const auto it = rows_.find(worker);
  if (it == rows_.end()) return std::nullopt;
  Row row = std::move(it->second);
  add(row.bytes, -1);
  if (row.phase == Phase::owed) --owed_;
  rows_.erase(it);
  return row;
}

Row* Ledger::find(WorkerId worker) {
  const auto it = rows_.find(worker);
  return it == rows_.end() ? nullptr : &it->second;
}

const Row* Ledger::find(WorkerId worker) const {
  const auto it = rows_.find(worker);
  return it == rows_.end() ? nullptr : &it->second;
}

TimePoint Ledger::next_bound() const {
  TimePoint next = kNever;
  if (owed_ == 0) return next;
  for (const auto& [worker, row] : rows_) {
    if (row.phase == Phase::owed) next = std::min(next, row.until);
  }
  return next;
}

Bytes Ledger::effective(DeviceId id) const {
  const auto it = devices_.find(id);
  if (it == devices_.end()) return Bytes{};
  const auto& [budget, others, used, held] = it->second;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - others - budget.reserve));
}

Bytes Ledger::ever(DeviceId id) const {
  const auto it = devices_.find(id);
  if (it == devices_.end()) return Bytes{};
  const Budget& budget = it->second.budget;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - budget.reserve));
}

Bytes Ledger::free(DeviceId id) const {
  const auto it = devices_.find(id);
  return it == devices_.end() ? Bytes{} : effective(id) - it->second.held;
}

void Ledger::add(const Placement& bytes, int sign) {
  for (const DeviceBytes& share : bytes) {
    Device& device = devices_[share.device];
    device.budget.device = share.device;
    device.held += sign > 0 ? share.bytes : -share.bytes;
  }
}

}  // namespace rouse::core
