#include "api/openapi.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <glaze/json/generic.hpp>
#include <glaze/json/read.hpp>
#include <set>
#include <string>

#include "api/api.hpp"

namespace rouse::api {
namespace {

glz::generic document() {
  glz::generic document;
  const auto wrong = glz::read_json(document, openapi_document());
  REQUIRE_FALSE(wrong);
  return document;
}

// The dialects of inference are described elsewhere.
bool is_described(const Route& route) {
  if (route.method == "*") return false;  // what applications serve is theirs to describe
  const auto under = [&](std::string_view folder) { return route.pattern.starts_with(folder); };
  return under("/rouse/") || under("/health/") || route.pattern == "/metrics" || route.pattern == "/openapi.json";
}

bool is_method(std::string_view key) {
  constexpr std::array kMethods{"get", "post", "put", "patch", "delete"};
  return std::ranges::contains(kMethods, key);
}

std::string lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return lower;
}

void collect_references(const glz::generic& value, std::set<std::string>& into) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.get_object()) {
      if (key == "$ref") into.insert(member.get_string());
      collect_references(member, into);
    }
  }
  if (value.is_array()) {
    for (const auto& element : value.get_array()) collect_references(element, into);
  }
}

TEST_CASE("the document and the table of routes name the same operations") {
  std::set<std::string> served;
  for (const Route& route : routes()) {
    if (is_described(route)) served.insert(lower(route.method) + " " + std::string(route.pattern));
  }
  std::set<std::string> described;
  const glz::generic whole = document();
  for (const auto& [path, item] : whole["paths"].get_object()) {
    for (const auto& [key, operation] : item.get_object()) {
      if (is_method(key)) described.insert(key + " " + path);
    }
  }
  CHECK(served == described);
}

TEST_CASE("every operation has a name of its own and says what can be answered") {
  std::set<std::string> names;
  const glz::generic whole = document();
  CHECK(whole["openapi"].get_string() == "3.1.0");
  for (const auto& [path, item] : whole["paths"].get_object()) {
    for (const auto& [key, operation] : item.get_object()) {
      if (!is_method(key)) continue;
      CAPTURE(path, key);
      CHECK(names.insert(operation["operationId"].get_string()).second);
      CHECK(operation["responses"].contains("200"));
      CHECK(operation["responses"].contains("default"));
    }
  }
}

TEST_CASE("every reference leads somewhere") {
  const glz::generic whole = document();
  std::set<std::string> references;
  collect_references(whole, references);
  CHECK_FALSE(references.empty());
  for (const std::string& reference : references) {
    CAPTURE(reference);
    REQUIRE(reference.starts_with("#/components/"));
    const std::size_t slash = reference.rfind('/');
    const std::string folder = reference.substr(13, slash - 13);
    CHECK(whole["components"][folder].contains(reference.substr(slash + 1)));
  }
}

}  // namespace
}  // namespace rouse::api
