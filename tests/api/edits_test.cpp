#include "api/edits.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "api/json_scan.hpp"

namespace rouse::api {
namespace {

TEST_CASE("what no edit names stays as it was") {
  Edits edits;
  CHECK(edits.empty());
  CHECK(edits.made_in("abc") == "abc");
  edits.replace({1, 2}, "longer");
  edits.cut({0, 1});
  edits.insert(3, "!");
  CHECK_FALSE(edits.empty());
  CHECK(edits.made_in("abc") == "longerc!");
}

TEST_CASE("whichever members are cut out, an object with the others is left") {
  constexpr std::array<std::string_view, 4> kNames{"a", "b", "c", "d"};
  for (const std::string_view space : {"", " ", "\n\t"}) {
    for (unsigned cut = 0; cut < 16; ++cut) {
      std::string text = "{";
      std::array wanted{Wanted{"a"}, Wanted{"b"}, Wanted{"c"}, Wanted{"d"}};
      for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) text += ",";
        text.append(space).append("\"").append(kNames[i]).append("\":[1,{}]").append(space);
      }
      text += "}";
      REQUIRE(scan_object(text, wanted));
      Edits edits;
      for (std::size_t i = 0; i < 4; ++i) {
        if ((cut >> i & 1) != 0) edits.cut_member({wanted[i].member.key, wanted[i].member.end});
      }
      edits.add_member(1, "\"new\":0");
      const std::string left = edits.made_in(text);
      CAPTURE(text, cut, left);
      std::array again{Wanted{"a"}, Wanted{"b"}, Wanted{"c"}, Wanted{"d"}, Wanted{"new"}};
      REQUIRE(scan_object(left, again));
      for (std::size_t i = 0; i < 4; ++i) CHECK(again[i].member.found() == ((cut >> i & 1) == 0));
      CHECK(again[4].member.found());
    }
  }
}

TEST_CASE("a member is added to an empty object too") {
  Edits edits;
  edits.add_member(1, "\"a\":1");
  edits.add_member(1, "\"b\":2");
  CHECK(edits.made_in("{}") == R"({"b":2,"a":1})");
  CHECK(edits.made_in("{ }") == R"({"b":2,"a":1 })");
}

}  // namespace
}  // namespace rouse::api
