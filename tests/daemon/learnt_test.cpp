#include "daemon/learnt.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a load's time goes into the mean of those that came from where it came from") {
  LearntRecord record;
  record.loaded(4s, 0.9);
  record.loaded(2s, 0.8);
  record.loaded(500ms, 0.1);
  CHECK(record.loads == 3);
  CHECK(record.load.cold == Duration(3s));
  CHECK(record.load.cached == Duration(500ms));
  record.woken(100ms);
  record.woken(300ms);
  CHECK(record.wakes == 2);
  CHECK(record.wake == Duration(200ms));
}

TEST_CASE("the time of a load that begins with half of its files is between the two") {
  CHECK(LoadTimes{}.at(0.5) == std::nullopt);
  CHECK(LoadTimes{.cold = 4s, .cached = {}}.at(0) == Duration(4s));
  CHECK(LoadTimes{.cold = {}, .cached = 1s}.at(1) == Duration(1s));
  const LoadTimes both{.cold = 4s, .cached = 1s};
  CHECK(both.at(0) == Duration(1s));
  CHECK(both.at(1) == Duration(4s));
  CHECK(both.at(0.5) == Duration(2'500ms));
}

TEST_CASE("the peak is that of all workers") {
  LearntRecord record;
  record.holds({{"host", mib(200)}});
  record.holds({{"host", mib(300)}, {"gpu0", mib(10)}});
  record.holds({{"host", mib(100)}});
  CHECK(record.peak == BytesByDevice{{"host", mib(300)}, {"gpu0", mib(10)}});
}

TEST_CASE("what is kept beyond the footprint becomes half as much with each load, until it is too little to matter") {
  LearntRecord record;
  record.ran_out({{"host", mib(500)}});
  record.loaded(1s, 0);  // how much of it is beyond is not known yet
  CHECK(record.needed == BytesByDevice{{"host", mib(500)}});
  record.footprint = {{"host", mib(400)}};
  record.loaded(1s, 0);
  CHECK(record.needed == BytesByDevice{{"host", mib(450)}});
  record.ran_out({{"host", mib(420)}});
  CHECK(record.needed == BytesByDevice{{"host", mib(450)}});
  for (int i = 0; i < 4; ++i) record.loaded(1s, 0);
  CHECK(record.needed.empty());
  CHECK(record.out_of_memory == 2);
}

}  // namespace
}  // namespace rouse::daemon
