#include "api/route.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

constexpr std::array kRoutes{
    Route{"GET", "/", Guard::reads, nullptr, nullptr},
    Route{"GET", "/models", Guard::reads, nullptr, nullptr},
    Route{"GET", "/models/{id}", Guard::reads, nullptr, nullptr},
    Route{"DELETE", "/models/{id}", Guard::acts, nullptr, nullptr},
    Route{"POST", "/models/{id}/load", Guard::acts, nullptr, nullptr},
    Route{"*", "/models/{id}/app/{rest}", Guard::passes, nullptr, nullptr},
};

std::string found(std::string_view method, std::string_view path) {
  const auto matched = match(kRoutes, method, path);
  if (!matched) return matched.error().allow.empty() ? "404" : "405 " + matched.error().allow;
  return std::string(matched->route->method) + " " + std::string(matched->route->pattern) + " " +
         std::string(matched->id);
}

TEST_CASE("a path finds its route") {
  CHECK(found("GET", "/") == "GET / ");
  CHECK(found("GET", "/models") == "GET /models ");
  CHECK(found("GET", "/models/chat") == "GET /models/{id} chat");
  CHECK(found("DELETE", "/models/chat") == "DELETE /models/{id} chat");
  CHECK(found("POST", "/models/chat/load") == "POST /models/{id}/load chat");
  CHECK(found("HEAD", "/models") == "GET /models ");
}

TEST_CASE("an id may hold slashes and escapes") {
  CHECK(found("GET", "/models/org/chat") == "GET /models/{id} org/chat");
  CHECK(found("POST", "/models/org/chat/load") == "POST /models/{id}/load org/chat");
  CHECK(found("POST", "/models/a/load/load") == "POST /models/{id}/load a/load");
  CHECK(found("GET", "/models/a%2Fload") == "GET /models/{id} a%2Fload");
}

TEST_CASE("what stands below an application is the application's, whatever it is called and asked") {
  for (const char* const method : {"GET", "HEAD", "POST", "BREW"}) {
    CHECK(found(method, "/models/a/app/") == "* /models/{id}/app/{rest} a");
    CHECK(found(method, "/models/org/a/app/load") == "* /models/{id}/app/{rest} org/a");
    CHECK(found(method, "/models/a/app/b/app/load") == "* /models/{id}/app/{rest} a");
  }
  CHECK(found("GET", "/models/a/app") == "GET /models/{id} a/app");
  CHECK(found("GET", "/models//app/x") == "GET /models/{id} /app/x");
  CHECK(found("POST", "/models/a%2Fapp/load") == "POST /models/{id}/load a%2Fapp");
}

TEST_CASE("an unknown path is a 404, and nearly is not quite") {
  for (const char* path : {"", "*", "/x", "/models/", "//models", "/Models", "/model", "/modelsx"}) {
    CAPTURE(path);
    CHECK(found("GET", path) == "404");
  }
}

TEST_CASE("a wrong method is told the right ones, of the most exact pattern") {
  CHECK(found("POST", "/models") == "405 GET, HEAD");
  CHECK(found("PUT", "/models/chat") == "405 GET, HEAD, DELETE");
  CHECK(found("GET", "/models/chat/load") == "405 POST");
  CHECK(found("get", "/models") == "405 GET, HEAD");
  // "load" is a model here, because a load needs a model's name before it.
  CHECK(found("POST", "/models/load") == "405 GET, HEAD, DELETE");
}

TEST_CASE("percent-escapes are decoded once, and broken ones refused") {
  CHECK(percent_decoded("") == "");
  CHECK(percent_decoded("a%2fb%2Fc+d%20e") == "a/b/c+d e");
  CHECK(percent_decoded("%252F") == "%2F");
  CHECK(percent_decoded("%C3%A9") == "é");
  for (const char* text : {"%", "%2", "a%2", "%zz", "%2g", "%00", "%ff", "%C3", "%-1"}) {
    CAPTURE(text);
    CHECK_FALSE(percent_decoded(text));
  }
  CHECK_FALSE(percent_decoded(std::string("a\0b", 3)));
}

TEST_CASE("a query's values are found by their whole name") {
  CHECK(query_value("lines=20&follow=true", "lines") == "20");
  CHECK(query_value("lines=20&follow=true", "follow") == "true");
  CHECK(query_value("xlines=1&lines=2&lines=3", "lines") == "2");
  CHECK(query_value("lines", "lines") == "");
  CHECK(query_value("a=%3D&b", "a") == "=");
  CHECK_FALSE(query_value("linesx=1", "lines"));
  CHECK_FALSE(query_value("", "lines"));
  CHECK_FALSE(query_value("a=%", "a"));
}

}  // namespace
}  // namespace rouse::api
