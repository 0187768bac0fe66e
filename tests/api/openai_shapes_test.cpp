#include "api/openai_shapes.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::system_clock::time_point kSince{1'700'000'000s};

TEST_CASE("an error has OpenAI's four fields") {
  CHECK(
      openai_error(Fault({Code::unknown_model, R"(no model "x")", "a path"}, "model")) ==
      R"({"error":{"message":"no model \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
  CHECK(openai_error(Fault({Code::unavailable, "later", ""})) ==
        R"({"error":{"message":"later","type":"server_error","param":null,"code":"unavailable"}})");
}

TEST_CASE("an error's text cannot break the JSON or the stream around it") {
  const std::string body = openai_error(Fault({Code::internal, "a\nb\x01\"\\\xff", ""}));
  CHECK(body ==
        "{\"error\":{\"message\":\"a\\nb\\u0001\\\"\\\\\xEF\xBF\xBD\",\"type\":\"server_error\",\"param\":null,"
        "\"code\":\"internal_error\"}}");
}

TEST_CASE("an alias is listed beside its model") {
  std::array<daemon::ModelStatus, 2> models{};
  models[0].name = "chat";
  models[0].aliases = {"gpt-4o-mini"};
  models[1].name = "org/embed";
  CHECK(openai_model_list(models, kSince) ==
        R"({"object":"list","data":[)"
        R"({"id":"chat","object":"model","created":1700000000,"owned_by":"rouse"},)"
        R"({"id":"gpt-4o-mini","object":"model","created":1700000000,"owned_by":"rouse"},)"
        R"({"id":"org/embed","object":"model","created":1700000000,"owned_by":"rouse"}]})");
  CHECK(openai_model_list({}, kSince) == R"({"object":"list","data":[]})");
}

TEST_CASE("a single model is the entry of the list") {
  CHECK(openai_model_card("chat", kSince) ==
        R"({"id":"chat","object":"model","created":1700000000,"owned_by":"rouse"})");
}

}  // namespace
}  // namespace rouse::api
