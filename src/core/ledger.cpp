#include "core/ledger.hpp"

#include <algorithm>
#include <utility>

namespace rouse::core {
void Ledger::set_budget(const Budget& budget) { devices_[budget.device].budget = budget; }

Ledger::Measured Ledger::measure(const DeviceMeasured& sample, bool frozen, TimePoint now, Duration calm) {
  Device& device = devices_[sample.device];
  const Bytes before = effective(sample.device);
  Measured result{.changed = device.shared != sample.shared, .gone = {}};
  device.budget.total = sample.total;
  device.used = sample.used;
  if (std::exchange(device.shared, sample.shared) != sample.shared) sample.shared ? ++shared_ : --shared_;
  if (!sample.trees && frozen) {
    result.changed |= effective(sample.device) != before;
    return result;
  }
  const bool lapsed = end_lapsed(sample.device);
  Bytes ours;
  Bytes owed;
  Bytes unconfirmed;
  for (const auto& [worker, row] : rows_) {
    if (is_reservation(row.model)) continue;
    const Bytes bytes = bytes_on(row.bytes, sample.device);
    if (row.phase == Phase::owed)
      owed += bytes;
    else if (row.phase == Phase::unconfirmed)
      unconfirmed += bytes;
    else if (!sample.trees)
      ours += bytes;  // nobody says whose bytes they are: what our rows do not explain is foreign
  }
  for (const TreeBytes& tree : sample.trees.value_or(std::vector<TreeBytes>{})) {
    const Row* row = find(tree.worker);
    // What a worker takes where it was given nothing is in no row: it counts like others'.
    if (row && !is_reservation(row->model) && has_share(row->bytes, sample.device)) ours += tree.bytes;
  }
  // Less in use than our trees and the unconfirmed together: the difference is gone.
  const Bytes vanished = std::clamp(ours + unconfirmed - sample.used, Bytes{}, unconfirmed);
  const Bytes foreign = std::max(Bytes{}, sample.used - ours - owed - (unconfirmed - vanished));
  count_others(sample.device, foreign - used_by_holders(sample, foreign), now, calm);
  result.gone = take_vanished(sample.device, vanished);
  result.changed |= lapsed || vanished > Bytes{} || !result.gone.empty() || effective(sample.device) != before;
  return result;
}

// What the holders of reservations use of what they have reserved: as their processes are seen to or, where nobody
// tells whose they are, what others have taken since the grant.
Bytes Ledger::used_by_holders(const DeviceMeasured& sample, Bytes foreign) {
  Bytes seen;
  Bytes unseen;  // reserved by those of whom nobody tells
  for (const auto& [worker, row] : rows_) {
    const Bytes reserved = bytes_on(row.bytes, sample.device);
    if (!is_reservation(row.model) || reserved == Bytes{}) continue;
    const auto none = std::vector<TreeBytes>{};
    const std::vector<TreeBytes>& trees = sample.trees ? *sample.trees : none;
    const auto tree = std::ranges::find(trees, worker, &TreeBytes::worker);
    if (tree != trees.end())
      seen += std::min(reserved, tree->bytes);
    else
      unseen += reserved;
  }
  seen = std::min(seen, foreign);
  Bytes& before_grants = others_[sample.device].before_grants;
  before_grants = std::min(before_grants, foreign - seen);
  return seen + std::min(unseen, foreign - seen - before_grants);
}

void Ledger::count_others(DeviceId id, Bytes now_used, TimePoint now, Duration calm) {
  Device& device = devices_.at(id);
  Others& others = others_[id];
  others.now = now_used;
  if (now_used >= device.others) {
    device.others = now_used;
    others.lower_since.reset();
    return;
  }
  if (!others.lower_since) {
    others.lower_since = now;
    others.most_since = Bytes{};
  }
  others.most_since = std::max(others.most_since, now_used);
  if (later(*others.lower_since, calm) > now) return;
  device.others = others.most_since;
  others.lower_since.reset();
  if (now_used == device.others) return;
  others.lower_since = now;
  others.most_since = now_used;
}

std::vector<Row> Ledger::take_vanished(DeviceId id, Bytes vanished) {
  std::vector<Row> gone;
  for (auto it = rows_.begin(); it != rows_.end();) {
    Row& row = it->second;
    if (row.phase == Phase::unconfirmed) {
      for (DeviceBytes& share : row.bytes) {
        if (share.device != id) continue;
        const Bytes part = std::min(vanished, share.bytes);
        share.bytes -= part;
        devices_.at(id).held -= part;
        vanished -= part;
      }
    }
    if (row.phase != Phase::unconfirmed || core::total(row.bytes) > Bytes{}) {
      ++it;
      continue;
    }
    add(row.bytes, -1);  // its place in a group
    gone.push_back(std::move(row));
    it = rows_.erase(it);
  }
  return gone;
}

bool Ledger::end_lapsed(DeviceId device) {
  return std::erase_if(rows_, [&](const auto& item) {
           const Row& row = item.second;
           if (row.phase != Phase::lapsed || bytes_on(row.bytes, device) == Bytes{}) return false;
           add(row.bytes, -1);
           return true;
         }) > 0;
}

void Ledger::hold(WorkerId worker, ModelId model, Placement bytes) {
  add(bytes, +1);
  if (is_reservation(model)) {
    for (const DeviceBytes& share : bytes) others_[share.device].before_grants = others_[share.device].now;
  }
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
  row.owed = row.bytes;
}

void Ledger::give_up(WorkerId worker) { rows_.at(worker).phase = Phase::stuck; }

void Ledger::lapse(WorkerId worker) { rows_.at(worker).phase = Phase::lapsed; }

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

bool Ledger::give_back(WorkerId worker, const std::vector<DeviceId>& devices) {
  Row& row = rows_.at(worker);
  for (DeviceBytes& share : row.bytes) {
    if (is_group(share.device) || !std::ranges::contains(devices, share.device)) continue;
    devices_.at(share.device).held -= share.bytes;
    share.bytes = Bytes{};
  }
  return total(row.bytes) == Bytes{};
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
  const Device& device = it->second;
  const Budget& budget = device.budget;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - device.others - budget.reserve));
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
