#include "account.hpp"

#include <algorithm>

namespace rouse::core::testing {

// others = used − our trees − exited but not yet returned − unconfirmed, all from one sample. What is in use beyond our
// trees cannot be less than the unconfirmed bytes: where it is, the difference is gone. Where nobody says whose bytes
// they are, our rows stand for our trees.
void Account::sample(const DeviceMeasured& sample) {
  Pool& pool = pools_[sample.device];
  pool.budget.total = sample.total;
  Bytes rest = sample.used;
  Bytes unconfirmed;
  Bytes owed;
  for (const auto& [worker, holding] : holdings_) {
    const Bytes bytes = bytes_on(holding.bytes, sample.device);
    if (holding.phase == Phase::unconfirmed) unconfirmed += bytes;
    if (holding.phase == Phase::owed) owed += bytes;
    if (!sample.trees && (holding.phase == Phase::live || holding.phase == Phase::stuck)) rest -= bytes;
  }
  if (sample.trees) {
    for (const TreeBytes& tree : *sample.trees) {
      if (holdings_.contains(tree.worker)) rest -= tree.bytes;
    }
  }
  Bytes gone = std::clamp(unconfirmed - rest, Bytes{}, unconfirmed);
  pool.others = std::max(Bytes{}, rest - owed - (unconfirmed - gone));
  for (auto& [worker, holding] : holdings_) {  // ascending: which of several is arbitrary, but always the same
    if (holding.phase != Phase::unconfirmed) continue;
    for (DeviceBytes& share : holding.bytes) {
      if (share.device != sample.device) continue;
      const Bytes part = std::min(share.bytes, gone);
      share.bytes -= part;
      gone -= part;
    }
  }
  std::erase_if(holdings_, [](const auto& entry) {
    const Holding& holding = entry.second;
    return holding.phase == Phase::unconfirmed && total(holding.bytes) == Bytes{};
  });
}

void Account::expire(TimePoint now) {
  for (auto& [worker, holding] : holdings_) {
    if (holding.phase == Phase::owed && holding.until <= now) holding.phase = Phase::unconfirmed;
  }
}

Bytes Account::held(DeviceId device) const {
  Bytes sum;
  for (const auto& [worker, holding] : holdings_) sum += bytes_on(holding.bytes, device);
  return sum;
}

Bytes Account::gives(const Holding& holding, DeviceId device) {
  const Bytes bytes = bytes_on(holding.bytes, device);
  if (holding.phase == Phase::owed || (holding.phase == Phase::live && holding.leaving)) return bytes;
  if (holding.phase != Phase::live || !holding.stays) return Bytes{};
  return std::max(Bytes{}, bytes - bytes_on(*holding.stays, device));
}

Bytes Account::coming(DeviceId device) const {
  Bytes sum;
  for (const auto& [worker, holding] : holdings_) sum += gives(holding, device);
  return sum;
}

Bytes Account::ever(DeviceId device) const {
  const auto it = pools_.find(device);
  if (it == pools_.end()) return Bytes{};
  const Budget& budget = it->second.budget;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - budget.reserve));
}

Bytes Account::effective(DeviceId device) const {
  const auto it = pools_.find(device);
  if (it == pools_.end()) return Bytes{};
  const auto& [budget, others] = it->second;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - others - budget.reserve));
}

}  // namespace rouse::core::testing
