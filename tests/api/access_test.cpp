#include "api/access.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

http::RequestHead head_with(std::string_view host, std::vector<http::Field> fields = {}) {
  http::RequestHead head;
  head.host = host;
  head.fields = std::move(fields);
  return head;
}

bool allowed(std::string_view host, std::vector<http::Field> fields = {}, std::string_view peer = "127.0.0.1") {
  const Access access({"gpu-box.lan", "fd00::7"});
  const auto checked = access.check(head_with(host, std::move(fields)), peer);
  if (!checked) CHECK(checked.error().code == Code::forbidden);
  return checked.has_value();
}

TEST_CASE("the machine's own names are known, with any port") {
  for (const char* host : {"localhost", "LocalHost:11450", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:11450",
                           "gpu-box.lan", "gpu-box.lan:1", "[fd00::7]:1"}) {
    CAPTURE(host);
    CHECK(allowed(host));
  }
}

TEST_CASE("any other Host is refused") {
  for (const char* host : {"evil.example", "localhost.evil.example", "evil.example:11450", "127.0.0.1.nip.io", "::1",
                           "[::1", "[::1]x", "localhost:80:80", "localhost:x", "localhost.", ":11450", "", "[]"}) {
    CAPTURE(host);
    CHECK_FALSE(allowed(host));
  }
}

TEST_CASE("a probe over HTTP/1.0 need not name its Host") {
  http::RequestHead head = head_with("");
  head.http_1_0 = true;
  CHECK(Access({}).check(head, "127.0.0.1"));
}

TEST_CASE("pages of this machine may ask, those of other sites may not") {
  CHECK(allowed("localhost", {{"Origin", "http://localhost:3000"}}));
  CHECK(allowed("localhost", {{"origin", "https://127.0.0.1"}}));
  for (const char* origin :
       {"https://evil.example", "null", "", "http://", "localhost", "file://localhost", "http://localhost@evil.example",
        "http://localhost:3000/", "http://evil.example#localhost", "chrome-extension://localhost"}) {
    CAPTURE(origin);
    CHECK_FALSE(allowed("localhost", {{"Origin", origin}}));
  }
  CHECK_FALSE(allowed("localhost", {{"Origin", "http://localhost"}, {"Origin", "http://evil.example"}}));
  CHECK(allowed("localhost", {{"Origin", "null"}, {"Sec-Fetch-Site", "same-origin"}}));  // Referrer-Policy: no-referrer
  CHECK_FALSE(allowed("localhost", {{"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}}));
}

TEST_CASE("an act that a browser says comes from another site needs an Origin of ours") {
  const auto fine = [](std::string_view method, std::vector<http::Field> fields) {
    http::RequestHead head = head_with("localhost", std::move(fields));
    head.method = method;
    return Access({}).check(head, "127.0.0.1").has_value();
  };
  CHECK_FALSE(fine("POST", {{"Sec-Fetch-Site", "cross-site"}}));
  CHECK_FALSE(fine("DELETE", {{"sec-fetch-site", "cross-site"}}));
  CHECK(fine("GET", {{"Sec-Fetch-Site", "cross-site"}}));  // somebody followed a link
  CHECK(fine("POST", {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://127.0.0.1:3000"}}));
  for (const char* site : {"same-origin", "same-site", "none"}) CHECK(fine("POST", {{"Sec-Fetch-Site", site}}));
}

TEST_CASE("on a Unix socket the Host does not matter, the Origin does") {
  CHECK(allowed("whatever", {}, "unix"));
  CHECK_FALSE(allowed("whatever", {{"Origin", "http://evil.example"}}, "unix"));
}

TEST_CASE("what acts must be application/json") {
  for (const char* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x"}) {
    CAPTURE(type);
    CHECK(require_json(head_with("x", {{"content-type", type}})));
  }
  for (const char* type :
       {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json",
        "application/jsonp", "text/plain; application/json"}) {
    CAPTURE(type);
    const auto json = require_json(head_with("x", {{"Content-Type", type}}));
    REQUIRE_FALSE(json);
    CHECK(json.error().code == Code::unsupported_media);
  }
  CHECK_FALSE(require_json(head_with("x")));
  const auto two = head_with("x", {{"Content-Type", "application/json"}, {"content-type", "multipart/form-data"}});
  CHECK_FALSE(require_json(two));
  CHECK_FALSE(require_json_or_form(two));
}

TEST_CASE("bound to every address, any number is a known Host, and still no name") {
  const Access access({"0.0.0.0"});
  const auto fine = [&](std::string_view host, std::vector<http::Field> fields = {}) {
    return access.check(head_with(host, std::move(fields)), "192.168.1.9").has_value();
  };
  for (const char* host : {"192.168.1.5", "192.168.1.5:11450", "[fd00::7]:1", "localhost"}) CHECK(fine(host));
  for (const char* host : {"evil.example", "192.168.1.5.nip.io", "192.168.1", "[evil]", "[", "[]"})
    CHECK_FALSE(fine(host));
  CHECK(fine("192.168.1.5:11450", {{"Origin", "http://192.168.1.5:3000"}}));  // our own page
  CHECK_FALSE(fine("192.168.1.5", {{"Origin", "http://192.168.1.6"}}));
  CHECK_FALSE(Access({"192.168.1.5"}).check(head_with("192.168.1.6"), "192.168.1.9"));
}

TEST_CASE("a DELETE needs no content type: no form can send one") {
  http::RequestHead head = head_with("localhost");
  head.method = "DELETE";
  CHECK(require_json(head));
  head.method = "POST";
  CHECK_FALSE(require_json(head));
}

}  // namespace
}  // namespace rouse::api
