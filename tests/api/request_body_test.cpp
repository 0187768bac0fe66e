#include "api/request_body.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

TEST_CASE("model and stream are read, and everything else is left alone") {
  const auto body =
      read_request_body(R"({"messages":[{"role":"user","content":"hi"}],"model":"org/chat","stream":true})");
  REQUIRE(body);
  CHECK(body->model == "org/chat");
  CHECK(body->stream);
}

TEST_CASE("a body without model or stream is none that streams") {
  const auto body = read_request_body(R"({"input":"x"})");
  REQUIRE(body);
  CHECK_FALSE(body->model);
  CHECK_FALSE(body->stream);
  CHECK_FALSE(read_request_body(R"({"stream":null})")->stream);
  CHECK_FALSE(read_request_body(R"({"stream":false})")->stream);
}

TEST_CASE("only the outermost model counts") {
  const auto body = read_request_body(R"({"metadata":{"model":"other"},"model":"chat"})");
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
    const auto body = read_request_body(text);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == Code::malformed);
    CHECK(body.error().message.size() < 200);
  }
  CHECK(read_request_body(R"({"model":")" + std::string(kLongestModelName, 'm') + R"("})"));
}

}  // namespace
}  // namespace rouse::api
