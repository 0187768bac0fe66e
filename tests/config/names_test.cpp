#include "config/names.hpp"

#include <catch2/catch_test_macros.hpp>

#include "config/config.hpp"
#include "config/paths.hpp"

namespace rouse::config {
namespace {

TEST_CASE("model names are what fits in a URL and on a terminal") {
  for (const char* name : {"a", "7b", "gpt-4o-mini", "org/model:q4_k_m", "a.b", "a..b", "A/b/c"}) {
    CAPTURE(name);
    CHECK(is_model_name(name));
  }
  for (const char* name :
       {"", "/a", "a/", "a//b", ".", "..", "a/.", "a/../b", "-a", "a b", "a\n", "a%20", "ä", "a?b"}) {
    CAPTURE(name);
    CHECK_FALSE(is_model_name(name));
  }
}

TEST_CASE("devices are the host and numbered GPUs, and are written as they are read") {
  CHECK(parse_device("host") == kHost);
  CHECK(parse_device("gpu0") == DeviceId{1});
  CHECK(parse_device("gpu63") == DeviceId{64});
  for (const char* name : {"", "gpu", "gpu64", "gpu00", "gpu-1", "gpu1x", "GPU0", "cpu", "gpu99999999999999999999"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_device(name).has_value());
  }
  for (const char* name : {"host", "gpu0", "gpu17"}) CHECK(device_name(*parse_device(name)) == name);
}

TEST_CASE("addresses are numbers and a port, and are written as they are read") {
  CHECK(parse_address("127.0.0.1:11450") == Address{.host = "127.0.0.1", .port = 11450});
  CHECK(parse_address("[::1]:0") == Address{.host = "::1", .port = 0});
  CHECK(parse_address("[0:0:0:0:0:0:0:1]:1") == Address{.host = "::1", .port = 1});
  CHECK(parse_address(":8080") == Address{.host = "127.0.0.1", .port = 8080});
  CHECK(parse_address("localhost:1") == Address{.host = "127.0.0.1", .port = 1});
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.1:1",
                           "::1:80", "[::1]", "[::1]x:1", "[127.0.0.1]:1", "example.org:1", "127.0.0.1:1 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text).has_value());
  }
  for (const char* text : {"127.0.0.1:11450", "[::1]:80", "0.0.0.0:1", "[2001:db8::1]:2"}) {
    CHECK(to_string(*parse_address(text)) == text);
  }
}

TEST_CASE("loopback is this machine alone") {
  for (const char* text : {"127.0.0.1:1", "127.8.9.10:1", "[::1]:1"}) CHECK(is_loopback(*parse_address(text)));
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:127.0.0.1]:1"}) {
    CHECK_FALSE(is_loopback(*parse_address(text)));
  }
}

TEST_CASE("paths are joined as text") {
  CHECK(joined_path("/a", "b") == "/a/b");
  CHECK(joined_path("/a/", "b") == "/a/b");
  CHECK(joined_path("/a", "/b") == "/b");
  CHECK(joined_path("", "b") == "b");
  CHECK(joined_path("/a", "./b") == "/a/b");
  CHECK(joined_path("/a", "../b") == "/a/../b");
  CHECK(folder_of("a/b/c") == "a/b");
  CHECK(folder_of("/c") == "/");
  CHECK(folder_of("c").empty());
}

}  // namespace
}  // namespace rouse::config
