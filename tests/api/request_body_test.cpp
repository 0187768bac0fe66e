#include "api/request_body.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <format>

namespace rouse::api {
namespace {

TEST_CASE("model and stream are read, and everything else is left alone") {
  const auto body = read_json_body(R"({"messages":[{"role":"user","content":"hi"}],"model":"org/chat","stream":true})");
  REQUIRE(body);
  CHECK(body->model == "org/chat");
  CHECK(body->stream);
}

TEST_CASE("a body without model or stream is none that streams") {
  const auto body = read_json_body(R"({"input":"x"})");
  REQUIRE(body);
  CHECK_FALSE(body->model);
  CHECK_FALSE(body->stream);
  CHECK_FALSE(read_json_body(R"({"stream":null})")->stream);
  CHECK_FALSE(read_json_body(R"({"stream":false})")->stream);
}

TEST_CASE("a member that has to be an array is missed, and nothing else is taken for it") {
  constexpr std::array kArrays{ArrayMember{"messages", Presence::required}, ArrayMember{"tools", Presence::optional}};
  const auto why = [&](std::string_view body) {
    const auto request = read_json_body(body, kArrays);
    if (!request) CHECK(request.error().code == Code::malformed);
    return request ? std::string() : request.error().message;
  };
  CHECK(why(R"({"model":"a","messages":[]})").empty());
  CHECK(why(R"({"messages":[{}],"tools":[],"model":"a","deadline":1})").empty());
  CHECK(why(R"({"messages":[],"tools":null})").empty());
  CHECK(why(R"({"model":"a"})") == "\"messages\" is missing; it must be an array");
  CHECK(why(R"({"model":"a","prompt":{"messages":[]}})").contains("missing"));
  for (const std::string_view no : {"null", "\"x\"", "7", "{}", "true"})
    CHECK(why(std::format(R"({{"messages":{}}})", no)) == "\"messages\" must be an array");
  CHECK(why(R"({"messages":[],"tools":{}})") == "\"tools\" must be an array");
  CHECK(why(R"({"messages":[],"messages":[]})").contains("twice"));
}

TEST_CASE("elements without what they need are the client's fault, and others are not") {
  constexpr std::array kArrays{ArrayMember{"messages", Presence::required, "role"},
                               ArrayMember{"tools", Presence::optional}};
  CHECK(check_elements(R"({"messages":[{"role":"user"},{"role":""}],"tools":[1]})", kArrays));
  CHECK(check_elements(R"({"messages":[]})", kArrays));
  for (const std::string_view element : {"{}", "1", "null", R"({"role":1})", R"({"role":null})"}) {
    const auto checked = check_elements(std::format(R"({{"messages":[{{"role":"user"}},{}]}})", element), kArrays);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message == "an element of \"messages\" has no \"role\"");
  }
  CHECK(check_elements(R"({"messages":[{}],"x":")" + std::string(kMostBlamed, 'x') + R"("})", kArrays));
}

TEST_CASE("only the outermost model counts") {
  const auto body = read_json_body(R"({"metadata":{"model":"other"},"model":"chat"})");
  REQUIRE(body);
  CHECK(body->model == "chat");
}

TEST_CASE("a model that is no name is refused") {
  for (const std::string& text :
       {std::string(R"({"model":1})"), std::string(R"({"model":null})"), std::string(R"({"model":["a"]})"),
        std::string(R"({"model":""})"), std::string(R"({"model":"\ud800"})"), std::string("{\"model\":\"\xC0\x80\"}"),
        R"({"model":")" + std::string(kLongestModelName + 1, 'm') + R"("})",
        std::string(R"({"model":"a","stream":"yes"})"), std::string(R"({"model":"a","stream":1})"), std::string()}) {
    CAPTURE(text);
    const auto body = read_json_body(text);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == Code::malformed);
    CHECK(body.error().message.size() < 200);
  }
  CHECK(read_json_body(R"({"model":")" + std::string(kLongestModelName, 'm') + R"("})"));
}

TEST_CASE("fields that are for us alone are read and cut out, and no other byte changes") {
  const std::string body =
      R"({ "keep_alive" : "5m", "model": "a\u0062","x":{"keep_alive":1} ,"deadline":1.5, "priority":"high" })";
  const auto request = read_json_body(body);
  REQUIRE(request);
  CHECK(request->model == "ab");
  CHECK(request->lifecycle.keep == core::Keep{std::chrono::minutes(5)});
  CHECK(request->lifecycle.deadline == std::chrono::milliseconds(1500));
  CHECK(request->lifecycle.priority == core::Priority::high);
  CHECK(request->edits.made_in(body) == R"({  "model": "a\u0062","x":{"keep_alive":1}  })");
}

TEST_CASE("a body without fields of ours needs no edit") {
  CHECK(read_json_body(R"({"model":"a","priority":7,"options":{"deadline":1}})")->edits.empty());
}

TEST_CASE("a field of ours that is null says nothing, and is cut out") {
  const std::string body = R"({"keep_alive":null,"a":1,"deadline":null})";
  const auto request = read_json_body(body);
  REQUIRE(request);
  CHECK_FALSE(request->lifecycle.keep);
  CHECK_FALSE(request->lifecycle.deadline);
  CHECK(request->edits.made_in(body) == R"({"a":1})");
}

TEST_CASE("a field of ours that makes no sense is refused by its name") {
  for (const std::string_view text :
       {R"({"keep_alive":true})", R"({"keep_alive":"soon"})", R"({"keep_alive":{}})", R"({"keep_alive":"\ud800"})",
        R"({"priority":"urgent"})", R"({"priority":[]})", R"({"deadline":0})", R"({"deadline":-1})",
        R"({"deadline":"forever"})", R"({"deadline":1e400})"}) {
    CAPTURE(text);
    const auto request = read_json_body(text);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == Code::malformed);
    CHECK(text.contains(request.error().message.substr(1, 8)));
  }
}

TEST_CASE("the engine hears the name it knows, in the place of the client's") {
  const std::string body = R"({"messages":[{"model":"chat"}], "model" : "chat" ,"n":1})";
  auto request = read_json_body(body);
  REQUIRE(request);
  request->rename_model("Qwen/\"Q\"");
  CHECK(request->edits.made_in(body) == R"({"messages":[{"model":"chat"}], "model" : "Qwen/\"Q\"" ,"n":1})");
}

TEST_CASE("where only a header named the model, the engine's name is added") {
  for (const auto& [body, expected] : {std::pair(R"({})", R"({"model":"m"})"),
                                       {R"({"keep_alive":1})", R"({"model":"m"})"},
                                       {R"( {"a":1})", R"( {"model":"m","a":1})"}}) {
    auto request = read_json_body(body);
    REQUIRE(request);
    request->rename_model("m");
    CHECK(request->edits.made_in(body) == expected);
  }
}

}  // namespace
}  // namespace rouse::api
