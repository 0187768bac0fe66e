#include "api/engine_message.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

TEST_CASE("an engine's own words are found in the shapes that engines use") {
  CHECK(engine_message(R"({"error":{"code":400,"message":"the context is full","type":"x"}})", 400) ==
        "the context is full");
  CHECK(engine_message(R"({"error":"no such adapter"})", 400) == "no such adapter");
  CHECK(engine_message(R"({"object":"error","message":"too long"})", 400) == "too long");
}

TEST_CASE("what cannot be read is told by its status") {
  for (const char* body :
       {"", "<html>", R"({"error":{}})", R"({"error":[1]})", R"({"detail":"x"})", R"({"error":{"message":7}})"}) {
    CAPTURE(body);
    CHECK(engine_message(body, 503) == "the engine answered with status 503");
  }
}

}  // namespace
}  // namespace rouse::api
