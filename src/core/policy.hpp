// The figures the rules are set with, and what makes a worker worth keeping.
#pragma once

#include <cstdint>

#include "core/model.hpp"

namespace rouse::core {

// What a policy may look at.
struct Worth {
  double floor = 0;           // of eviction, when it was last used
  double frequency = 0;       // leases since it was loaded
  double reload_seconds = 0;  // as measured here, else as expected
  double weight = 1;          // of its priority: ½, 1, 2
  double gib = 0;             // what it holds, all devices together
  TimePoint last_used;
};

// Larger is more worth keeping; the smallest is evicted first.
using Value = double (*)(const Worth&);

// Greedy-Dual-Size-Frequency (Cherkasova 1998): floor + frequency × reload × weight / size.
double greedy_dual_size_frequency(const Worth& worth);
// Least recently used, to compare with.
double least_recently_used(const Worth& worth);

struct Policy {
  Value value = &greedy_dual_size_frequency;
  Duration patience = std::chrono::seconds(10);     // after which a waiter may plan over busy workers
  Duration slice = std::chrono::seconds(60);        // what a worker started for a patient waiter is left at least
  Duration load_timeout = std::chrono::minutes(5);  // at least; 4 × the learnt load time if that is longer
  Duration kill_timeout = std::chrono::seconds(10);
  Duration trim_timeout = std::chrono::seconds(10);  // for dropping caches; then its worker is evicted all the same
  Duration shared_keep = std::chrono::seconds(30);   // how long idle workers stay beside programs that are not ours
  Duration calm = std::chrono::seconds(3);  // what others give back is believed in once it has stayed back so long
  Duration return_bound = std::chrono::seconds(5);          // bytes not seen back by then are unconfirmed
  std::uint32_t crashes_in_a_row = 3;                       // until whoever waits is refused
  Duration backoff_first = std::chrono::milliseconds(250);  // doubled with each failure in a row
  Duration backoff_longest = std::chrono::minutes(5);
};

}  // namespace rouse::core
