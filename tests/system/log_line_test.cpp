#include "system/log_line.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace rouse::system {
namespace {

TEST_CASE("a plain message stays as it is") {
  CHECK(text_line("chat: cold → loading, 3 GiB \"now\" \\ é 😀") == "chat: cold → loading, 3 GiB \"now\" \\ é 😀");
  CHECK(text_line("").empty());
}

TEST_CASE("nobody forges a second line") {
  CHECK(text_line("ok\n2026-11-21 info all is well") == "ok\\n2026-11-21 info all is well");
  CHECK(text_line("ok\r\nx\v\f") == "ok\\x0d\\nx\\x0b\\x0c");
  CHECK(text_line("\xE2\x80\xA8 and \xE2\x80\xA9") == "\\xe2\\x80\\xa8 and \\xe2\\x80\\xa9");  // line, paragraph
  CHECK(text_line("\xC2\x85") == "\\xc2\\x85");                                                // next line
}

TEST_CASE("nobody paints the terminal, or turns text around") {
  CHECK(text_line("\x1b[2J\x7f\t") == "\\x1b[2J\\x7f\\x09");
  CHECK(text_line("\xE2\x80\xAE evil") == "\\xe2\\x80\\xae evil");
  CHECK(text_line("\xC2\x9B"
                  "2J") == "\\xc2\\x9b2J");  // CSI in one character
  CHECK(text_line(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("what is no UTF-8 is shown byte by byte") {
  CHECK(text_line("\xff\xc0\x80 \xed\xa0\x80 \xf0\x9f") == "\\xff\\xc0\\x80 \\xed\\xa0\\x80 \\xf0\\x9f");
}

TEST_CASE("in JSON the message and the fields are members, and stay inside their quotes") {
  const std::array<LogField, 3> fields{{{"model", "a\"b\\"}, {"bytes", std::int64_t{-7}}, {"seconds", 0.25}}};
  CHECK(json_members("one\ntwo", fields) == R"("message":"one\u000atwo","model":"a\"b\\","bytes":-7,"seconds":0.25)");
  CHECK(json_members("\xff\xE2\x80\xAE\x1b", {}) == R"("message":"\ufffd\ufffd\u001b")");
  const std::array<LogField, 1> nothing{{{"seconds", 1.0 / 0.0}}};
  CHECK(json_members("", nothing) == R"("message":"","seconds":null)");
}

}  // namespace
}  // namespace rouse::system
