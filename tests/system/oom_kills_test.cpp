#include "system/oom_kills.hpp"

#include <catch2/catch_test_macros.hpp>

using rouse::system::OomKills;

TEST_CASE("each OOM kill explains one end") {
  OomKills kills(5);
  CHECK(kills.unexplained(5) == 0);
  CHECK(kills.unexplained(7) == 2);  // two workers at once
  kills.explain_one();
  CHECK(kills.unexplained(7) == 1);
  kills.explain_one();
  CHECK(kills.unexplained(7) == 0);
}

TEST_CASE("an OOM kill that is counted before the end is told still explains it, and is nobody's a while later") {
  OomKills kills(0);
  kills.grow_old(1);
  CHECK(kills.unexplained(1) == 1);
  kills.grow_old(1);
  CHECK(kills.unexplained(1) == 0);
}

TEST_CASE("the older of two OOM kills is spent first") {
  OomKills kills(0);
  kills.grow_old(1);
  CHECK(kills.unexplained(2) == 2);
  kills.explain_one();
  kills.grow_old(2);
  CHECK(kills.unexplained(2) == 1);
}

TEST_CASE("what was counted while no worker ran explains nothing") {
  OomKills kills(0);
  CHECK(kills.unexplained(3) == 3);
  kills.forget(4);
  CHECK(kills.unexplained(4) == 0);
  CHECK(kills.unexplained(2) == 0);  // another cgroup's count
  CHECK(kills.unexplained(3) == 1);
}
