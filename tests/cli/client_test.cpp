#include "cli/client.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cli/replies.hpp"
#include "fake_daemon.hpp"

namespace rouse::cli {
namespace {

std::string place(std::string_view text) {
  const auto parsed = parse_host(text);
  return parsed ? http::to_string(*parsed) : "refused";
}

TEST_CASE("the daemon's place is read in every form that people write") {
  CHECK(place("127.0.0.1:8080") == "127.0.0.1:8080");
  CHECK(place("localhost") == "localhost:11450");
  CHECK(place(":8080") == "127.0.0.1:8080");
  CHECK(place("0.0.0.0:8080") == "127.0.0.1:8080");
  CHECK(place("[::1]") == "[::1]:11450");
  CHECK(place("[::1]:80") == "[::1]:80");
  CHECK(place("http://box:8080/") == "box:8080");
  CHECK(place("http://box") == "box:11450");
  CHECK(place("unix:/run/rouse.sock") == "unix:/run/rouse.sock");
  CHECK(place("unix:///run/rouse.sock") == "unix:/run/rouse.sock");
  CHECK(place("/run/rouse.sock") == "unix:/run/rouse.sock");
  for (const char* wrong : {"https://box", "host:port", "host:0", "::1", "unix:", "host:99999", "http://"}) {
    INFO(wrong);
    CHECK(place(wrong) == "refused");
  }
}

TEST_CASE("the option --host goes before ROUSE_HOST, and that before the default") {
  const Environment set = [](std::string_view) { return "box:1"; };
  const Environment unset = [](std::string_view) { return std::nullopt; };
  CHECK(http::to_string(*find_daemon("other:2", set)) == "other:2");
  CHECK(http::to_string(*find_daemon("", set)) == "box:1");
  CHECK(http::to_string(*find_daemon("", unset)) == kDefaultHost);
}

TEST_CASE("statuses and codes end in the documented exits") {
  CHECK(exit_of(404, "unknown_model") == Exit::unknown_model);
  CHECK(exit_of(404, "model_not_found") == Exit::unknown_model);
  CHECK(exit_of(404, "not_found") == Exit::failed);
  CHECK(exit_of(422, "misconfigured") == Exit::usage);
  CHECK(exit_of(422, "invalid_request") == Exit::failed);
  CHECK(exit_of(409, "conflict") == Exit::refused);
  CHECK(exit_of(429, "") == Exit::refused);
  CHECK(exit_of(503, "") == Exit::refused);
  CHECK(exit_of(502, "load_failed") == Exit::failed);
  CHECK(exit_of(504, "") == Exit::deadline);
  CHECK(exit_of(507, "") == Exit::too_big);
  CHECK(exit_of(401, "") == Exit::not_allowed);
  CHECK(exit_of(403, "") == Exit::not_allowed);
}

TEST_CASE("a daemon that answers nonsense is told from one that refuses") {
  CHECK(read_refusal(404, R"({"error":{"code":"unknown_model","message":"no \"x\"","extra":[1]}})").exit ==
        Exit::unknown_model);
  CHECK(read_refusal(503, R"({"error":{"param":null,"code":null,"message":"draining"}})").message == "draining");
  CHECK(read_refusal(502, "<html>Bad Gateway</html>").message.contains("Is it Rouse"));
  CHECK(failure_of(0, {.message = "gone", .code = 503.0}).exit == Exit::refused);
  CHECK(failure_of(0, {.message = "gone", .code = "unavailable"}).exit == Exit::refused);
  CHECK(failure_of(0, {.message = "gone", .code = "engine_failed"}).exit == Exit::failed);
}

TEST_CASE("a mutation says that it is JSON") {
  test::FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/org%2Fchat/load", "{}");
  Client client(*parse_host(fake.host()));
  REQUIRE(client.post(model_target("org/chat", "/load"), R"({"wait":true})").has_value());
  const auto seen = fake.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].body == R"({"wait":true})");
  CHECK(seen[0].fields.at("Content-Type") == "application/json");
}

TEST_CASE("the key is shown with every kind of request") {
  test::FakeDaemon fake;
  fake.answer("GET /a", "{}");
  fake.answer("POST /b", "{}");
  fake.answer("GET /c", "{}");
  Client client(*parse_host(fake.host()), "s3cret");
  REQUIRE(client.get("/a"));
  REQUIRE(client.post("/b", "{}"));
  REQUIRE(client.stream({.target = "/c"}, [](std::string_view) {}));
  const auto seen = fake.seen();
  REQUIRE(seen.size() == 3);
  for (const test::Seen& request : seen) CHECK(request.fields.at("Authorization") == "Bearer s3cret");
}

TEST_CASE("an answer that is cut is a failure, not a short answer") {
  test::FakeDaemon fake;
  fake.answer("GET /half", {200, {R"({"models":[)"}, test::Then::cut});
  Client client(*parse_host(fake.host()));
  const auto answer = client.get("/half");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().exit == Exit::failed);
}

}  // namespace
}  // namespace rouse::cli
