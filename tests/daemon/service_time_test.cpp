#include "daemon/service_time.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the first answer is the average, and a dozen others outweigh it") {
  ServiceTime service;
  service.add(8s);
  CHECK(service.average() == 8s);
  service.add(16s);
  CHECK(service.average() == 9s);
  for (int i = 0; i < 24; ++i) service.add(1s);
  CHECK(service.average() < 2s);
  CHECK(service.average() > 1s);
}

TEST_CASE("a queue takes its length times the average, shared by those that are served at once") {
  ServiceTime service;
  CHECK(service.of_queue(1024, 4) == 0s);
  service.add(2s);
  CHECK(service.of_queue(10, 4) == 5s);
  CHECK(service.of_queue(10, 1) == 20s);
  CHECK(service.of_queue(0, 4) == 0s);
}

}  // namespace
}  // namespace rouse::daemon
