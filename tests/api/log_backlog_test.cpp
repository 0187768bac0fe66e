#include "api/log_backlog.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

TEST_CASE("a follower gets the lines in order, once") {
  LogBacklog backlog;
  CHECK(backlog.empty());
  backlog.add("one");
  backlog.add("two");
  CHECK(backlog.take() == "one\ntwo\n");
  CHECK(backlog.empty());
  CHECK(backlog.take().empty());
}

TEST_CASE("a slow follower loses lines, is told how many, and then goes on") {
  LogBacklog backlog;
  const std::string line(1023, 'x');
  const std::size_t room = LogBacklog::kCapacity / 1024;
  for (std::size_t i = 0; i < room; ++i) backlog.add(line);
  for (int i = 0; i < 7; ++i) backlog.add(line);
  backlog.add("short");  // there is room for it, but it would be out of order
  const std::string text = backlog.take();
  CHECK(text.size() < LogBacklog::kCapacity + 64);
  CHECK(text.ends_with("x\n[8 lines missed]\n"));
  backlog.add("new");
  CHECK(backlog.take() == "new\n");
}

}  // namespace
}  // namespace rouse::api
