// The oracle's own book of who holds how many bytes: written from the rules of memory (DESIGN §4), not from the
// core's ledger, and compared with it after every step.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/events.hpp"
#include "core/ledger.hpp"
#include "core/model.hpp"

namespace rouse::core::testing {

struct Holding {
  ModelId model;
  Placement bytes;
  Phase phase = Phase::live;
  TimePoint until = kNever;             // owed: then unconfirmed
  bool leaving = false;                 // it has been told to stop, or its process is gone
  std::optional<Placement> stays = {};  // it has been told to sleep: what it keeps
  Placement ended_with = {};            // when its process had gone
};

struct Pool {
  Budget budget;
  Bytes others;                                      // that count
  Bytes others_now;                                  // by the last sample
  std::vector<std::pair<TimePoint, Bytes>> lower{};  // samples since they have been less than what counts
  Bytes before_grants;                               // what others used when the last reservation was granted, or less
  bool shared = false;
};

class Account {
 public:
  void set_budget(const Budget& budget) { pools_[budget.device].budget = budget; }
  void sample(const DeviceMeasured& sample, TimePoint now, Duration calm);
  void set_shared(DeviceId device, bool shared) { pools_[device].shared = shared; }
  bool shared(DeviceId device) const { return pools_.contains(device) && pools_.at(device).shared; }
  void granted(DeviceId device) { pools_[device].before_grants = pools_[device].others_now; }
  void set_total(DeviceId device, Bytes total) { pools_[device].budget.total = total; }
  void expire(TimePoint now);

  Bytes held(DeviceId device) const;
  // What a holding is about to give on a device: all of it, or what it does not keep asleep; nothing if it stays as it
  // is, or has been given up.
  static Bytes gives(const Holding& holding, DeviceId device);
  Bytes coming(DeviceId device) const;
  Bytes ever(DeviceId device) const;
  Bytes effective(DeviceId device) const;
  Bytes free(DeviceId device) const { return effective(device) - held(device); }
  bool over(DeviceId device) const { return held(device) - coming(device) > effective(device); }

  std::map<WorkerId, Holding>& holdings() { return holdings_; }
  const std::map<WorkerId, Holding>& holdings() const { return holdings_; }
  const std::map<DeviceId, Pool>& pools() const { return pools_; }

 private:
  static void settle(Pool& pool, TimePoint now, Duration calm);

  std::map<WorkerId, Holding> holdings_;
  std::map<DeviceId, Pool> pools_;
};

}  // namespace rouse::core::testing
