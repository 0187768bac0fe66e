#include "engine/program_estimate.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::engine {
namespace {

std::string why_not(std::string_view json) {
  const auto read = read_program_estimate(json);
  return read ? "" : read.error().message.substr(0, read.error().message.find(';'));
}

TEST_CASE("what a program says that it takes is read by device, in bytes and in words") {
  CHECK(read_program_estimate(R"({"gpu0": "6GiB", "host": 2147483648})").value() ==
        core::Placement{{kHost, gib(2)}, {DeviceId{1}, gib(6)}});
  CHECK(read_program_estimate("{}").value().empty());
  CHECK(read_program_estimate(R"({"host": 0})").value() == core::Placement{{kHost, Bytes{}}});
}

TEST_CASE("an answer that says something else is told from one that says nothing") {
  CHECK(why_not("") == "it is no such JSON");
  CHECK(why_not("[1]") == "it is no such JSON");
  CHECK(why_not(R"({"host": {"bytes": 1}})") == "it is no such JSON");
  CHECK(why_not(R"({"host": 1} trailing)") == "it is no such JSON");
  CHECK(why_not(R"({"disk": 1})") == "\"disk\" is no device");
  CHECK(why_not(R"({"host": -1})") == "what it says of host is no size");
  CHECK(why_not(R"({"host": 1e300})") == "what it says of host is no size");
  CHECK(why_not(R"({"host": "much"})") == "what it says of host is no size");
}

}  // namespace
}  // namespace rouse::engine
