// Everything the core knows, to look at. Only the scheduler changes it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/ledger.hpp"
#include "core/lifecycle.hpp"
#include "core/policy.hpp"
#include "core/queue.hpp"

namespace rouse::core {

// An estimate larger than the device is tried once, clamped to what is there.
enum class Oversize : std::uint8_t { untried, under_way, proved_too_large, proved_to_fit };

struct Model {
  ModelSpec spec;
  State state;
  Queue queue;
  Keep keep;                    // the latest request's wish, else the entry's
  bool pinned = false;          // the entry's, until an operator says otherwise
  bool removed = false;         // no longer in the catalogue; kept until its last bytes are back
  bool preload = false;         // wanted without anybody waiting, into free bytes
  bool preload_evicts = false;  // … or into those of idle workers
  Oversize oversize = Oversize::untried;
  std::uint32_t failures = 0;           // in a row
  std::optional<Placement> needs{};     // what a worker needs: as learnt, or more since its memory ran out
  std::optional<Placement> measured{};  // what its workers were seen to hold
  bool tried_again = false;             // its memory ran out while it loaded: not again until it has been ready
  std::optional<Duration> load_time{};  // as last measured
  std::optional<Duration> wake_time{};  // as last measured
  bool sleeps_badly = false;  // it could not be put to sleep or woken, or died of it: until Forget or a change
  std::uint64_t loads = 0;    // that became ready
  std::uint64_t wakes = 0;    // likewise
  TimePoint timer = kNever;   // when the scheduler looks at it again at the latest
};

// What a waiter that does not fit is promised: free bytes and named victims that sum to its placement.
struct Plan {
  ModelId waiter;
  Placement placement;
  std::set<WorkerId> victims;  // draining, stopping or exited, counted for this plan alone
  bool cancels_a_load = false;
  TimePoint until = kNever;  // set when the last victim's bytes are back
};

struct View {
  Policy policy;
  TimePoint now{};
  std::map<ModelId, Model> models;
  std::map<WorkerId, ModelId> workers;  // that have not exited
  Ledger ledger;
  std::map<ModelId, Plan> plans;
  double floor = 0;                        // the value of what was evicted last
  std::optional<TimePoint> shutting_down;  // until when leases may last
};

}  // namespace rouse::core
