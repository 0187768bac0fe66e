#include "core/policy.hpp"

#include <algorithm>

namespace rouse::core {

double greedy_dual_size_frequency(const Worth& worth) {
  constexpr double kSmallest = 1.0 / 1024;  // GiB: what holds next to nothing is worth keeping, but not infinitely
  return worth.floor + worth.frequency * worth.reload_seconds * worth.weight / std::max(worth.gib, kSmallest);
}

double least_recently_used(const Worth& worth) {
  return std::chrono::duration<double>(worth.last_used.time_since_epoch()).count();
}

}  // namespace rouse::core
