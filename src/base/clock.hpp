// Time as an object one is given, so that tests own it.
#pragma once

#include <chrono>

namespace rouse {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline constexpr TimePoint kNever = TimePoint::max();

// `from + by`, or kNever where that would overflow.
constexpr TimePoint later(TimePoint from, Duration by) { return by >= kNever - from ? kNever : from + by; }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;                               // monotonic: for decisions and durations
  virtual std::chrono::system_clock::time_point wall() const = 0;  // for people: logs, answers
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()); }
  std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace rouse
