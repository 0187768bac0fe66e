#include "api/json_scan.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

namespace rouse::api {
namespace {

std::string complaint(std::string_view text) {
  std::array wanted{Wanted{"model"}};
  const auto scanned = scan_object(text, wanted);
  return scanned ? "none" : scanned.error().message;
}

TEST_CASE("a member's place is where it stands in the text") {
  const std::string text = R"( { "a":[1,{"model":"inner"}] , "model" : "chat", "stream": true } )";
  std::array wanted{Wanted{"model"}, Wanted{"stream"}, Wanted{"keep_alive"}};
  REQUIRE(scan_object(text, wanted));
  const Member& model = wanted[0].member;
  CHECK(model.value_in(text) == R"("chat")");
  CHECK(text.substr(model.key, model.end - model.key) == R"("model" : "chat")");
  CHECK(wanted[1].member.value_in(text) == "true");
  CHECK_FALSE(wanted[2].member.found());
}

TEST_CASE("a name that is spelt with escapes is the same name") {
  std::array wanted{Wanted{"model"}};
  const std::string text = R"({"mo\u0064el":"x"})";
  REQUIRE(scan_object(text, wanted));
  CHECK(wanted[0].member.value_in(text) == R"("x")");
}

TEST_CASE("a wanted member that stands there twice is refused, another is not") {
  CHECK(complaint(R"({"model":"a","model":"b"})") == "malformed JSON at byte 13: this member stands there twice");
  CHECK(complaint(R"({"model":"a","mode\u006c":"b"})") == "malformed JSON at byte 13: this member stands there twice");
  CHECK(complaint(R"({"x":1,"x":2,"y":{"model":1,"model":2}})") == "none");
}

TEST_CASE("well-formed objects are accepted") {
  for (const char* text :
       {"{}", "\t{\r\n}\n", R"({"a":null,"b":false,"c":true})", R"({"a":-0.5e+10,"b":0,"c":-12,"d":1E9,"e":0.0e-1})",
        R"({"a":[],"b":{},"c":[[],[{}]],"d":[1,"2",{"3":4}]})", R"({"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00":""})",
        R"({"a long string of more than eight bytes":"and another one, with \" in it, and more"})"}) {
    CAPTURE(text);
    CHECK(complaint(text) == "none");
  }
}

TEST_CASE("the offset is that of the byte that cannot stand there") {
  const auto at = [](std::string_view text) {
    const std::string message = complaint(text);
    const std::size_t begin = message.find("byte ");
    REQUIRE(begin != std::string::npos);
    return std::stoul(message.substr(begin + 5));
  };
  CHECK(at("[]") == 0);
  CHECK(at("\"model\"") == 0);
  CHECK(at("{a:1}") == 1);
  CHECK(at(R"({"a" 1})") == 5);
  CHECK(at(R"({"a":1,})") == 7);
  CHECK(at(R"({"a":[1,]})") == 8);
  CHECK(at(R"({"a":{"b"}})") == 9);
  CHECK(at(R"({"a":[1}})") == 7);
  CHECK(at(R"({"a":1]})") == 6);
  CHECK(at(R"({"a":01})") == 6);
  CHECK(at(R"({"a":1.})") == 7);
  CHECK(at(R"({"a":+1})") == 5);
  CHECK(at(R"({"a":-})") == 6);
  CHECK(at(R"({"a":1e})") == 7);
  CHECK(at(R"({"a":.5})") == 5);
  CHECK(at(R"({"a":NaN})") == 5);
  CHECK(at(R"({"a":tru})") == 5);
  CHECK(at(R"({"a":"\x"})") == 6);
  CHECK(at(R"({"a":"\u12g4"})") == 10);
  CHECK(at("{\"a\":\"tab\there\"}") == 9);
  CHECK(at("{\"a\":\"long enough for words\x01...\"}") == 27);
  CHECK(at(R"({"a":1} {})") == 8);
  CHECK(at("\xEF\xBB\xBF{}") == 0);
}

TEST_CASE("a text that ends too early says so, wherever it is cut") {
  const std::string text = R"({"a":[1.5e3,{"b":"c\u0041d"},true,null],"model":"x"})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    CAPTURE(length);
    CHECK(complaint(text.substr(0, length)).starts_with("malformed JSON at byte "));
  }
  CHECK(complaint(R"({"a":[1,)") == "malformed JSON at byte 8: it ends too early");
  CHECK(complaint(R"({"a":"abcdefghijk)") == "malformed JSON at byte 17: it ends too early");
  CHECK(complaint(R"({"a":"\)") == "malformed JSON at byte 7: it ends too early");
}

TEST_CASE("nesting is bounded, and the bound costs no stack") {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(complaint(nested(kMaxDepth)) == "none");
  CHECK(complaint(nested(kMaxDepth + 2)).ends_with("too deeply nested"));
  CHECK(complaint("{\"a\":" + std::string(1'000'000, '[')).ends_with("too deeply nested"));
}

TEST_CASE("a quote is found at every distance from the beginning of a string") {
  for (std::size_t length = 0; length < 40; ++length) {
    CAPTURE(length);
    const std::string text = "{\"a\":\"" + std::string(length, 'x') + "\",\"model\":1}";
    std::array wanted{Wanted{"model"}};
    REQUIRE(scan_object(text, wanted));
    CHECK(wanted[0].member.value_in(text) == "1");
  }
}

TEST_CASE("a decoded string is UTF-8 or refused") {
  CHECK(decode_string(R"("plain")") == "plain");
  CHECK(decode_string(R"("a\/\u00e9\ud83d\ude00")") == "a/é😀");
  CHECK_FALSE(decode_string(R"("\ud83d")").has_value());
  CHECK_FALSE(decode_string(R"("\ude00x")").has_value());
  CHECK_FALSE(decode_string("\"\xff\"").has_value());
}

}  // namespace
}  // namespace rouse::api
