#include "api/event_splitter.hpp"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace rouse::api {
namespace {

struct Found {
  std::vector<std::string> raw;
  std::vector<std::string> data;
  std::string rest;
  friend bool operator==(const Found&, const Found&) = default;
};

Found split(std::string_view stream, std::size_t at_once) {
  EventSplitter splitter;
  Found found;
  for (std::size_t at = 0; at < stream.size(); at += at_once) {
    splitter.add(stream.substr(at, at_once));
    while (const auto event = splitter.next()) {
      found.raw.emplace_back(event->raw);
      found.data.push_back(event->data);
    }
  }
  found.rest = splitter.rest();
  return found;
}

TEST_CASE("events come out whole, however they were cut") {
  constexpr std::string_view kStream =
      ": comment\n\nevent: x\ndata: one\n\ndata:two\r\ndata: three\r\nid: 7\r\n\r\ndata: {\"a\":1}\n\n\n\ndata: half";
  const Found whole = split(kStream, kStream.size());
  CHECK(whole.data == std::vector<std::string>{"", "one", "two\nthree", "{\"a\":1}", "", ""});
  CHECK(whole.raw[1] == "event: x\ndata: one\n\n");
  CHECK(whole.rest == "data: half");
  std::string all;
  for (const std::string& raw : whole.raw) all += raw;
  CHECK(all + whole.rest == kStream);
  for (std::size_t at_once = 1; at_once < kStream.size(); ++at_once) CHECK(split(kStream, at_once) == whole);
}

}  // namespace
}  // namespace rouse::api
