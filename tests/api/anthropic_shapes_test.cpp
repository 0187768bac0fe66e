#include "api/anthropic_shapes.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <format>
#include <string>

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

TEST_CASE("the list of models holds every name that is not being removed") {
  std::array<daemon::ModelStatus, 2> models{};
  models[0].name = "chat";
  models[0].aliases = {"claude-x"};
  models[1].name = "old";
  models[1].removed = true;
  CHECK(anthropic_model_list(models, kSince, {}) ==
        R"({"data":[)"
        R"({"type":"model","id":"chat","display_name":"chat","created_at":"2023-11-14T22:13:20Z"},)"
        R"({"type":"model","id":"claude-x","display_name":"claude-x","created_at":"2023-11-14T22:13:20Z"}],)"
        R"("first_id":"chat","has_more":false,"last_id":"claude-x"})");
  CHECK(anthropic_model_list({}, kSince, {}) == R"({"data":[],"first_id":null,"has_more":false,"last_id":null})");
}

// The names of a page, and a plus sign if there are more.
std::string names_on(const ModelPage& page) {
  std::array<daemon::ModelStatus, 2> models{};
  models[0].name = "a";
  models[0].aliases = {"b", "c"};
  models[1].name = "d";
  models[1].aliases = {"e"};
  const auto list = anthropic_model_list(models, kSince, page);
  if (!list) {
    CHECK(list.error().code == Code::malformed);
    return list.error().message;
  }
  std::string names;
  for (const char name : std::string_view("abcde"))
    if (list->contains(std::format("\"id\":\"{}\"", name))) names += name;
  if (!names.empty()) CHECK(list->contains(std::format("\"first_id\":\"{}\"", names.front())));
  if (!names.empty()) CHECK(list->contains(std::format("\"last_id\":\"{}\"", names.back())));
  return names + (list->contains("\"has_more\":true") ? "+" : "");
}

TEST_CASE("the list of models comes in pages, forwards and backwards") {
  CHECK(names_on({}) == "abcde");
  CHECK(names_on({.limit = 5}) == "abcde");
  CHECK(names_on({.limit = 2}) == "ab+");
  CHECK(names_on({.limit = 2, .after = "b"}) == "cd+");
  CHECK(names_on({.limit = 2, .after = "c"}) == "de");
  CHECK(names_on({.limit = 2, .after = "e"}).empty());
  CHECK(names_on({.limit = 2, .before = "e"}) == "cd+");
  CHECK(names_on({.limit = 2, .before = "c"}) == "ab");
  CHECK(names_on({.limit = 2, .before = "a"}).empty());
  CHECK(names_on({.after = "nobody"}) == "\"after_id\" names no model");
  CHECK(names_on({.before = ""}) == "\"before_id\" names no model");
}

}  // namespace
}  // namespace rouse::api
