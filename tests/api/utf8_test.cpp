#include "api/utf8.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

TEST_CASE("characters of every length are UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("aé€😀"));
  CHECK(is_utf8("\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
}

TEST_CASE("what only looks like UTF-8 is none") {
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(is_utf8(text));
    CHECK(is_utf8(as_utf8(text)));
  }
}

TEST_CASE("good characters survive the bad ones around them") {
  CHECK(as_utf8("é\xff€") == "é\xEF\xBF\xBD€");
  CHECK(as_utf8("plain") == "plain");
}

}  // namespace
}  // namespace rouse::api
