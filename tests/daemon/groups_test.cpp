#include "daemon/groups.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

TEST_CASE("a group keeps its device and its name, also while it is not configured") {
  Groups groups;
  CHECK(groups.replace({{.name = "a", .max_loaded = 1, .place = {}}, {.name = "b", .max_loaded = 3, .place = {}}})
            .size() == 2);
  const DeviceId b = groups.device("b");
  CHECK(is_group(b));
  CHECK(groups.device("a") != b);
  groups.replace({});
  CHECK(groups.configured().empty());
  CHECK(groups.name(b) == "b");
  const auto budgets = groups.replace({{.name = "b", .max_loaded = 2, .place = {}}});
  REQUIRE(budgets.size() == 1);
  CHECK(budgets[0].device == b);
  CHECK(budgets[0].limit == Bytes{2});
  CHECK(budgets[0].total == Bytes{2});
}

TEST_CASE("what is shown as memory has no places of groups in it") {
  CHECK(memory_of({{kHost, mib(1)}, {kFirstGroup, kPlaceInGroup}}) == core::Placement{{kHost, mib(1)}});
}

}  // namespace
}  // namespace rouse::daemon
