#include "http/address.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using namespace rouse::http;

TEST_CASE("an address is read in the form it is written in", "[http]") {
  const auto [text, address] = GENERATE(table<std::string, Address>({
      {"127.0.0.1:11450", tcp_address("127.0.0.1", 11450)},
      {"[::1]:80", tcp_address("::1", 80)},
      {"localhost:0", tcp_address("localhost", 0)},
      {"unix:/run/rouse/x.sock", unix_address("/run/rouse/x.sock")},
  }));
  const auto read = parse_address(text);
  REQUIRE(read);
  CHECK(*read == address);
  CHECK(to_string(*read) == text);
}

TEST_CASE("a bare path is a Unix socket", "[http]") { CHECK(parse_address("/a.sock") == unix_address("/a.sock")); }

TEST_CASE("what is no address is refused with what to write instead", "[http]") {
  const std::string text = GENERATE(as<std::string>{}, "", "host", "host:", ":80", "host:65536", "host:-1", "host:8o",
                                    "::1:80", "[]:80", "unix:", "unix:" + std::string(108, 'a'));
  const auto read = parse_address(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::malformed);
  CHECK(read.error().message.contains("HOST:PORT"));
}
