// How long a model takes for a request, from its lease to its end: an average in which each answer counts an eighth, so
// that a dozen of them have forgotten what was before. Says when a queue as long as it is now would be served.
//
// A value. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace rouse::daemon {

class ServiceTime {
 public:
  void add(Duration took) {
    average_ = count_ == 0 ? took : average_ + (took - average_) / 8;
    ++count_;
  }
  Duration average() const { return average_; }

  // Until `waiting` requests have been served, `at_once` of them at a time.
  Duration of_queue(std::size_t waiting, std::uint32_t at_once) const {
    const auto rounds = static_cast<double>(waiting) / std::max<std::uint32_t>(1, at_once);
    return std::chrono::duration_cast<Duration>(rounds * std::chrono::duration<double>(average_));
  }

 private:
  Duration average_{};
  std::uint64_t count_ = 0;
};

}  // namespace rouse::daemon
