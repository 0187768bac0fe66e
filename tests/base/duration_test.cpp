#include "base/duration.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

namespace rouse {
namespace {

using namespace std::chrono_literals;

TEST_CASE("durations are read with their units") {
  CHECK(parse_duration("0") == 0ns);
  CHECK(parse_duration("0s") == 0ns);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("2d") == 48h);
  CHECK(parse_duration("1.5h") == 90min);
  CHECK(parse_duration("7us3ns") == 7003ns);
  CHECK(parse_duration("9223372036854775806ns") == Duration::max() - 1ns);
}

TEST_CASE("what is no duration is refused") {
  for (const char* text : {"", "5", "-5m", "m", "5 m", "5minutes", "5M", "1m30", "30m1h", "5m5m", "1..5s", ".5s", "5.s",
                           "0x5s", "1e3s", "forever", "300000d", "9223372036854775807ns", "99999999999999999999s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("durations are written in the form in which they are read") {
  CHECK(format_duration(0ns) == "0");
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(1500ms) == "1s500ms");
  CHECK(format_duration(Duration::max()) == "forever");
  CHECK(format_duration(-5min) == "-5m");
  CHECK(format_duration(Duration::min()) == "-106751d23h47m16s854ms775us808ns");
}

TEST_CASE("a duration survives being written and read") {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 10'000; ++i) {
    const Duration duration(static_cast<Duration::rep>(random() >> (1 + random() % 62)));
    CAPTURE(duration.count());
    if (duration != Duration::max()) CHECK(parse_duration(format_duration(duration)) == duration);
  }
}

}  // namespace
}  // namespace rouse
