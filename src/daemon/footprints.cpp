// What workers really hold, told to the core: at once when one holds more than its row says, and less only once it has
// stood still for a while (policy.settle), as a program may take what it needs later than it says that it is ready.
//
// On the host a worker's footprint is what only its end gives back (its own memory, shared memory, locked file pages);
// mapped file pages count up to what its engine says that it takes, so that weights which are only mapped count once,
// and a copy of them does not make them count twice. On a GPU it is what the driver attributes to its processes. A
// program that is asked for an estimate keeps what it says: it may take that late.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdlib>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

// A difference that is worth telling.
bool differs(Bytes a, Bytes b) {
  const std::int64_t by = std::abs(a.count - b.count);
  return by > kib(64).count && by > std::max(a.count, b.count) / 200;
}

bool differs(const core::Placement& a, const core::Placement& b) {
  return !core::same_devices(a, b) ||
         !std::ranges::equal(a, b, [](const auto& x, const auto& y) { return !differs(x.bytes, y.bytes); });
}

}  // namespace

Bytes Daemon::Impl::Weight::held() const {
  return exact ? std::max(Bytes{}, exact->held() + tree.held() - exact_by_counters.held()) : tree.held();
}

Bytes Daemon::Impl::Weight::mapped() const {
  return exact ? std::max(Bytes{}, exact->file + tree.file - exact_by_counters.file) : tree.file;
}

core::Placement Daemon::Impl::weighed(const core::Row& row, const Weight& weight, const Entry& entry) {
  core::Placement bytes = row.bytes;
  for (core::DeviceBytes& share : bytes) {
    if (share.device == kHost && weight.tree.processes > 0) {
      const Bytes estimate = entry.estimate ? entry.estimate->total() : Bytes{};
      share.bytes = std::max(weight.held(), std::min(weight.held() + weight.mapped(), estimate));
    } else if (const auto seen = weight.gpus.find(share.device); seen != weight.gpus.end()) {
      share.bytes = seen->second;
    }
  }
  return bytes;
}

core::Placement Daemon::Impl::counted(const core::Row& row, const Weight& weight, const Entry& entry) {
  core::Placement bytes = weighed(row, weight, entry);
  return weight.stage == core::Stage::asleep ? bytes : core::larger(bytes, weight.says);
}

void Daemon::Impl::take_estimate(WorkerId id, const Result<core::Placement>& says) {
  const auto worker = workers.find(id);
  const core::Row* row = scheduler.view().ledger.find(id);
  if (worker == workers.end() || !row) return;
  const std::string& name = worker->second->entry()->model.id;
  if (!says) {
    parts.log.warning("{}: what it will take is not known: {}", name, in_full(says.error()));
    return;
  }
  Weight& weight = weights[id];
  for (const auto& [device, bytes] : *says) {
    const Bytes most = scheduler.view().ledger.ever(device);
    if (core::has_share(row->bytes, device) && bytes <= most)
      weight.says.push_back({device, bytes});
    else if (core::has_share(row->bytes, device))
      parts.log.warning(
          "{}: its program says that it takes {} of {}, and models may have {} there at most: not believed", name,
          to_string(bytes), device_name(device), to_string(most));
    else
      parts.log.warning("{}: its program says that it takes {} of {}, which its footprint does not name", name,
                        to_string(bytes), device_name(device));
  }
  if (weight.says.empty()) return;
  weigh(id);
  note(*worker->second->entry(), [&](LearntRecord& record) {
    for (const auto& [device, bytes] : by_lasting_name(weight.says)) {
      Bytes& known = record.footprint[device];
      known = std::max(known, bytes);
    }
  });
}

void Daemon::Impl::weigh(WorkerId id) {
  const auto worker = workers.find(id);
  const core::Row* row = scheduler.view().ledger.find(id);
  if (worker == workers.end() || !row || row->phase != core::Phase::live) return;
  const Entry& entry = *worker->second->entry();
  const auto known = scheduler.view().models.find(entry.id);
  if (known == scheduler.view().models.end()) return;
  Weight& weight = weights[id];
  const TimePoint now = parts.clock.now();
  core::Placement bytes = weighed(*row, weight, entry);
  const core::Stage at = core::stage(known->second.state);
  weight.peak = core::larger(weight.peak, bytes);
  if (at != weight.stage || differs(bytes, weight.last)) {
    if (at != weight.stage) weight.exact.reset();
    weight.stage = at;
    weight.last = bytes;
    weight.still_since = now;
  }
  const bool may_settle = at == core::Stage::ready || at == core::Stage::draining || at == core::Stage::asleep;
  const bool settled = may_settle && now >= later(weight.still_since, settle_after);
  if (settled && !weight.exact && !weight.looking) look_exactly(id);
  bytes = counted(*row, weight, entry);
  if (!settled || !weight.exact)
    bytes = core::larger(row->bytes, bytes);
  else if (at != core::Stage::asleep)
    note_settled(entry, weight, bytes);
  if (differs(bytes, row->bytes)) feed(core::FootprintMeasured{id, std::move(bytes)});
}

void Daemon::Impl::look_exactly(WorkerId id) {
  Weight& weight = weights.at(id);
  weight.looking = true;
  boost::asio::post(pool, [this, id, tree = workers.at(id)->tree()] {
    const system::TreeMemory exact = system::exact_tree_memory(tree);
    const system::TreeMemory counters = system::tree_memory(tree);
    boost::asio::post(parts.io, [this, id, exact, counters] {
      const auto known = weights.find(id);
      if (known == weights.end()) return;
      known->second.looking = false;
      if (exact.processes == 0) return;
      known->second.exact = exact;
      known->second.exact_by_counters = known->second.tree = counters;
      known->second.last = {};  // it stands still as before
      const TimePoint since = known->second.still_since;
      if (const auto worker = workers.find(id); worker != workers.end()) {
        if (const core::Row* row = scheduler.view().ledger.find(id))
          known->second.last = weighed(*row, known->second, *worker->second->entry());
      }
      known->second.still_since = since;
      weigh(id);
    });
  });
}

}  // namespace rouse::daemon
