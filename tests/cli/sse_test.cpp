#include "cli/sse.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace rouse::cli {
namespace {

struct Read {
  std::vector<std::string> events;
  std::vector<std::string> comments;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read_in_pieces(std::string_view stream, std::size_t size) {
  Read read;
  SseReader reader({.event = [&](std::string_view data) { read.events.emplace_back(data); },
                    .comment = [&](std::string_view text) { read.comments.emplace_back(text); }});
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size()))) reader.feed(stream.substr(0, size));
  return read;
}

TEST_CASE("events and comments are the same in pieces of any size and with any line end") {
  const std::string stream =
      ": loading 43 % eta 1.2 s\n\n"
      "event: message\r\ndata: {\"a\":1}\r\n\r\n"
      "data:first\rdata: second\r\r"
      "id: 7\ndata\n\n"
      "retry: 5\n\n"
      "data: [DONE]\n\n";
  const Read expected{{R"({"a":1})", "first\nsecond", "", "[DONE]"}, {"loading 43 % eta 1.2 s"}};
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    INFO(size);
    CHECK(read_in_pieces(stream, size) == expected);
  }
}

TEST_CASE("an event that was not ended is none") { CHECK(read_in_pieces("data: half\n", 64).events.empty()); }

}  // namespace
}  // namespace rouse::cli
