#include "api/anthropic_shapes.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::system_clock::time_point kSince{1'700'000'000s};

TEST_CASE("an error has Anthropic's shape, and the request's id") {
  CHECK(
      anthropic_error(404, "no model \"x\"\n\xff", "req-1") ==
      "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no model \\\"x\\\"\\n\xEF\xBF\xBD\"},"
      "\"request_id\":\"req-1\"}");
}

TEST_CASE("the type of an error is what Anthropic's clients know its status by") {
  const auto has_type = [](int status, std::string_view type) {
    return anthropic_error(status, "", "").contains("\"error\":{\"type\":\"" + std::string(type) + "\"");
  };
  CHECK(has_type(400, "invalid_request_error"));
  CHECK(has_type(401, "authentication_error"));
  CHECK(has_type(403, "permission_error"));
  CHECK(has_type(409, "invalid_request_error"));
  CHECK(has_type(413, "request_too_large"));
  CHECK(has_type(429, "rate_limit_error"));
  CHECK(has_type(500, "api_error"));
  CHECK(has_type(503, "overloaded_error"));
  CHECK(has_type(504, "timeout_error"));
  CHECK(has_type(507, "api_error"));
}

TEST_CASE("the list of models is one page of all names") {
  std::array<daemon::ModelStatus, 1> models{};
  models[0].name = "chat";
  models[0].aliases = {"claude-x"};
  CHECK(anthropic_model_list(models, kSince) ==
        R"({"data":[)"
        R"({"type":"model","id":"chat","display_name":"chat","created_at":"2023-11-14T22:13:20Z"},)"
        R"({"type":"model","id":"claude-x","display_name":"claude-x","created_at":"2023-11-14T22:13:20Z"}],)"
        R"("first_id":"chat","has_more":false,"last_id":"claude-x"})");
  CHECK(anthropic_model_list({}, kSince) == R"({"data":[],"first_id":null,"has_more":false,"last_id":null})");
}

}  // namespace
}  // namespace rouse::api
