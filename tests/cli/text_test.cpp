#include "cli/text.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::cli {
namespace {

using namespace std::chrono_literals;

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("chat") == 4);
  CHECK(display_width("größe") == 5);
  CHECK(display_width("模型") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("🚀") == 2);
  CHECK(display_width("\xff\xfe") == 2);
  CHECK(display_width("\xe6\xa8") == 2);  // cut in the middle of a character
}

TEST_CASE("what does not fit is cut between characters") {
  CHECK(fit("chat", 4) == "chat");
  CHECK(fit("chats", 4) == "cha…");
  CHECK(fit("模型模型", 4) == "模…");
  CHECK(fit("模型", 4) == "模型");
  CHECK(fit("chat", 0).empty());
}

TEST_CASE("nothing that a terminal would obey comes through") {
  CHECK(Visible()("a\x1b[31mb\x07\r\n\tc\x7f") == "a[31mb\n\tc");
  CHECK(Visible()("\xc2\x9b"
                  "31m") == "31m");
  CHECK(Visible()("ä©") == "ä©");
  CHECK(one_line("two\nlines\n\n") == "two lines");
}

TEST_CASE("a control character in two pieces does not come through, a letter in two pieces does") {
  Visible visible;
  CHECK(visible("x\xc2") == "x");
  CHECK(visible("\x9b!") == "!");
  CHECK(visible("\xc2").empty());
  CHECK(visible("\xa9") == "©");
}

TEST_CASE("a full stop is set where there is no end") {
  CHECK(with_full_stop("no") == "no.");
  CHECK(with_full_stop("no.") == "no.");
  CHECK(with_full_stop("no?") == "no?");
  CHECK(with_full_stop("no!") == "no!");
}

TEST_CASE("times read as people say them") {
  CHECK(in_words(Duration(0)) == "0 ms");
  CHECK(in_words(-5s) == "0 ms");
  CHECK(in_words(12ms) == "12 ms");
  CHECK(in_words(1234ms) == "1.2 s");
  CHECK(in_words(9999ms) == "9.9 s");
  CHECK(in_words(45s) == "45 s");
  CHECK(in_words(272s) == "4 m 32 s");
  CHECK(in_words(125min) == "2 h 5 m");
  CHECK(in_words(76h) == "3 d 4 h");
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  CHECK(relative(now + 272s, now) == "in 4 m 32 s");
  CHECK(relative(now - 12s, now) == "12 s ago");
  CHECK(relative(now + 300ms, now) == "now");
}

TEST_CASE("RFC 3339 is read, with fractions and offsets, and nothing else") {
  const WallTime noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
  CHECK(parse_time("2026-03-01T12:00:00Z") == noon);
  CHECK(parse_time("2026-03-01T12:00:00.250Z") == noon + 250ms);
  CHECK(parse_time("2026-03-01T13:30:00+01:30") == noon);
  CHECK(parse_time("2026-03-01T07:00:00-05:00") == noon);
  for (const char* wrong : {"", "2026-03-01", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z", "2026-03-01T12:00:00",
                            "2026-03-01T12:00:00Zulu", "yesterday", "9999-12-31T23:59:59Z", "-026-03-01T12:00:00Z"}) {
    INFO(wrong);
    CHECK_FALSE(parse_time(wrong).has_value());
  }
}

TEST_CASE("an id becomes one segment of a path") {
  CHECK(percent_encoded("chat-1.5_b~") == "chat-1.5_b~");
  CHECK(percent_encoded("org/model:q4 ä?") == "org%2Fmodel%3Aq4%20%C3%A4%3F");
}

}  // namespace
}  // namespace rouse::cli
