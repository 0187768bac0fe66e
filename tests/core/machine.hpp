// The machine the world simulates: processes that hold real bytes on real devices, programs that are not ours, and the
// calendar of what will happen. It knows what is physically true; the scheduler only hears of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "choices.hpp"
#include "core/events.hpp"

namespace rouse::core::testing {

enum class Happening : std::uint8_t {
  start_fails,     // there is no process
  loads,           // it answers
  sleeps,          // it has given up what it does not keep asleep
  wakes,           // it answers again
  rest_fails,      // it says that it cannot sleep, or wake
  load_fails,      // it says that it cannot
  exits,           // the tree is gone
  measured,        // its footprint has been measured
  bytes_go,        // its bytes are physically back
  bytes_said,      // … and the shell says so
  times_out,       // the present effect has taken too long
  lease_ends,      // a request is over
  lease_breaks,    // … because its worker or its lease is gone
  client_leaves,   // a waiting client gives up
  client_returns,  // … and asks again
  sample,          // a device is measured
  trims,           // it has dropped what caches it could
};

struct Due {
  TimePoint time;
  std::uint64_t sequence;  // of what happens at the same moment, the first noted comes first
  Happening what;
  std::uint64_t subject;  // a worker, request, client's memory or device
  std::uint32_t epoch;    // of the worker's effect: what an earlier effect would have led to does not come
  friend bool operator>(const Due& a, const Due& b) {
    return std::pair(a.time, a.sequence) > std::pair(b.time, b.sequence);
  }
};

class Calendar {
 public:
  void note(TimePoint time, Happening what, std::uint64_t subject, std::uint32_t epoch = 0) {
    due_.push({time, sequence_++, what, subject, epoch});
  }
  bool empty() const { return due_.empty(); }
  TimePoint next() const { return due_.empty() ? kNever : due_.top().time; }
  Due take() {
    const Due due = due_.top();
    due_.pop();
    return due;
  }

 private:
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t sequence_ = 0;
};

// How rough the world is with whatever begins from now on.
struct Weather {
  std::uint32_t load_fails = 5;  // percent
  std::uint32_t load_hangs = 3;
  std::uint32_t start_fails = 2;
  std::uint32_t load_crashes = 3;
  std::uint32_t crashes = 5;  // some time after it is ready
  std::uint32_t outgrows = 12;
  std::uint32_t ignores_stop = 10;
  std::uint32_t ignores_kill = 25;
  std::uint32_t late_bytes = 12;   // after the bound
  std::uint32_t silent_bytes = 8;  // seen in samples only
  std::uint32_t leaks = 3;         // not before the fair phase
  std::uint32_t long_leases = 3;   // an hour
  std::uint32_t slow_loads = 15;   // up to a minute
  std::uint32_t rest_fails = 6;    // falling asleep, or waking
  std::uint32_t rest_hangs = 4;
  std::uint32_t rest_crashes = 4;
  std::uint32_t runs_out = 30;  // of loads that fail or crash: for lack of memory
  std::uint32_t trim_hangs = 10;

  static Weather fair() { return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; }
};

struct Tree {  // of processes: a worker
  WorkerId worker;
  ModelId model;
  Placement planned;
  Placement real;  // what it physically takes once it is loaded
  bool alive = true;
  bool loaded = false;
  bool sleeps = false;
  Placement asleep{};  // what it takes while it does
  bool ignores_kill = false;
  std::uint32_t epoch = 0;
};

struct Chip {  // a device
  Budget budget;
  bool attributed = true;  // does anybody say which process holds what?
  Bytes outsiders;
  bool shared = false;  // one of them computes on it
};

struct Holder {  // of a reservation: a program that is not ours
  DeviceId device;
  Bytes uses;
  bool known = false;  // which one it is
};

struct Machine {
  std::map<DeviceId, Chip> chips;
  std::map<WorkerId, Tree> trees;      // until their bytes are physically back
  std::map<WorkerId, Holder> holders;  // by their reservation's worker; also for a while after its end

  Bytes taken(const Tree& tree, DeviceId device) const {
    if (tree.sleeps) return bytes_on(tree.asleep, device);
    const Bytes real = bytes_on(tree.real, device);
    return tree.loaded ? real : Bytes{real.count / 2};
  }
  DeviceMeasured sample(DeviceId device) const;
  Placement measured(const Tree& tree) const;  // what somebody who looks at the process sees
};

}  // namespace rouse::core::testing
