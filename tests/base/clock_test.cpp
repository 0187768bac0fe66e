#include "base/clock.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>

namespace rouse {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

TEST_CASE("later adds a duration to a moment") {
  CHECK(later(kStart, 5min) == TimePoint{65min});
  CHECK(later(kStart, 0ns) == kStart);
  CHECK(later(kStart, -5min) == TimePoint{55min});
}

TEST_CASE("later than the end of time is never") {
  CHECK(later(kStart, Duration::max()) == kNever);
  CHECK(later(kNever, 0ns) == kNever);
  CHECK(later(kNever, 1ns) == kNever);
  CHECK(later(kNever - 1ns, 1ns) == kNever);
  CHECK(later(kNever - 2ns, 1ns) == kNever - 1ns);
}

TEST_CASE("the system's clock never runs backwards") {
  const SystemClock clock;
  TimePoint last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = clock.now();
    REQUIRE(now >= last);
    last = now;
  }
  CHECK(clock.wall() > std::chrono::sys_days{std::chrono::year{2020} / 1 / 1});
}

}  // namespace
}  // namespace rouse
