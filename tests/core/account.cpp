#include "account.hpp"

#include <algorithm>

namespace rouse::core::testing {

// others = used − our trees − exited but not yet returned − what holders of reservations use − unconfirmed, all from
// one sample. What is in use beyond our trees cannot be less than the unconfirmed bytes: where it is, the difference is
// gone. Where nobody says whose bytes they are, our rows stand for our trees, and what others have taken since a grant
// for what its holder uses. What a tree takes where it was given nothing is like others'. What has lapsed is nobody's
// from here on.
void Account::sample(const DeviceMeasured& sample, TimePoint now, Duration calm) {
  Pool& pool = pools_[sample.device];
  pool.budget.total = sample.total;
  std::erase_if(holdings_, [&](const auto& item) {
    return item.second.phase == Phase::lapsed && bytes_on(item.second.bytes, sample.device) > Bytes{};
  });
  Bytes rest = sample.used;
  Bytes unconfirmed;
  Bytes owed;
  Bytes seen_to_use;  // by holders of reservations
  Bytes may_use;      // likewise, where nobody tells
  for (const auto& [worker, holding] : holdings_) {
    const Bytes bytes = bytes_on(holding.bytes, sample.device);
    const Bytes* used = nullptr;
    if (sample.trees) {
      for (const TreeBytes& tree : *sample.trees) used = tree.worker == worker ? &tree.bytes : used;
    }
    if (is_reservation(holding.model)) {
      if (bytes == Bytes{}) continue;
      (used ? seen_to_use : may_use) += used ? std::min(*used, bytes) : bytes;
      continue;
    }
    if (used && has_share(holding.bytes, sample.device)) rest -= *used;
    if (holding.phase == Phase::unconfirmed) unconfirmed += bytes;
    if (holding.phase == Phase::owed) owed += bytes;
    if (!sample.trees && (holding.phase == Phase::live || holding.phase == Phase::stuck)) rest -= bytes;
  }
  Bytes gone = std::clamp(unconfirmed - rest, Bytes{}, unconfirmed);
  Bytes foreign = std::max(Bytes{}, rest - owed - (unconfirmed - gone));
  foreign -= std::min(foreign, seen_to_use);
  pool.before_grants = std::min(pool.before_grants, foreign);
  pool.others_now = std::max(foreign - may_use, pool.before_grants);
  settle(pool, now, calm);
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

// What they take counts at once; less, when there has been no more for a while.
void Account::settle(Pool& pool, TimePoint now, Duration calm) {
  if (pool.others_now >= pool.others) {
    pool.others = pool.others_now;
    pool.lower.clear();
    return;
  }
  pool.lower.emplace_back(now, pool.others_now);
  if (pool.lower.size() == 1 || later(pool.lower.front().first, calm) > now) return;
  pool.others = Bytes{};
  for (const auto& [time, bytes] : pool.lower) pool.others = std::max(pool.others, bytes);
  pool.lower.clear();
  if (pool.others_now < pool.others) pool.lower.emplace_back(now, pool.others_now);
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
  const Budget& budget = it->second.budget;
  return std::max(Bytes{}, std::min(budget.limit, budget.total - it->second.others - budget.reserve));
}

}  // namespace rouse::core::testing
