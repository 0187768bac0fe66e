#include "http/fields.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace rouse::http;

TEST_CASE("field names are compared without regard to case", "[http]") {
  CHECK(same_name("Content-Length", "content-LENGTH"));
  CHECK_FALSE(same_name("Content-Length", "Content-Lengt"));
  CHECK_FALSE(same_name("[", "{"));  // differ by the bit that tells the cases of letters apart
}

TEST_CASE("names of any length and place are compared letter by letter", "[http]") {
  for (unsigned other = 0; other < 256; ++other) {
    for (unsigned letter = 0; letter < 256; ++letter) {
      const auto lower = [](unsigned c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; };
      const bool same = lower(letter) == lower(other);
      for (const std::size_t size : {1UZ, 8UZ, 11UZ}) {
        for (const std::size_t at : {0UZ, size / 2, size - 1}) {
          std::string one(size, 'x');
          std::string two(size, 'X');
          one[at] = static_cast<char>(letter);
          two[at] = static_cast<char>(other);
          if (same_name(one, two) != same) FAIL(letter << " and " << other << " at " << at << " of " << size);
        }
      }
    }
  }
}

TEST_CASE("hop-by-hop fields are known in any case", "[http]") {
  for (const auto* name : {"Connection", "KEEP-ALIVE", "te", "Trailer", "transfer-encoding", "Upgrade",
                           "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "content-length"}) {
    INFO(name);
    CHECK(is_hop_by_hop(name));
  }
  for (const auto* name : {"Content-Type", "Host", "Accept", "Connections", ""}) {
    INFO(name);
    CHECK_FALSE(is_hop_by_hop(name));
  }
}

TEST_CASE("what a server says for itself is known in any case", "[http]") {
  for (const auto* name : {"Server", "server", "Access-Control-Allow-Origin", "access-control-max-age"}) {
    INFO(name);
    CHECK(is_of_the_server(name));
  }
  for (const auto* name : {"Server-Timing", "Access-Control", "Access", "Content-Type", ""}) {
    INFO(name);
    CHECK_FALSE(is_of_the_server(name));
  }
}

TEST_CASE("a list's members are found whole", "[http]") {
  CHECK(has_token("close", "Close"));
  CHECK(has_token("x-a ,\tclose", "close"));
  CHECK(has_token(",,close", "close"));
  CHECK_FALSE(has_token("closed, xclose", "close"));
  CHECK_FALSE(has_token("", "close"));
}

TEST_CASE("control characters are found at every place of a value", "[http]") {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string value(size, 'v');
        value[at] = static_cast<char>(c);
        const bool allowed = (c >= 0x20 && c != 0x7f) || c == '\t';
        if (is_field_value(value) != allowed) FAIL("byte " << c << " at " << at << " of " << size);
      }
    }
  }
  SUCCEED();
}
