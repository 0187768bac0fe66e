#include "base/bytes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rouse {
namespace {

TEST_CASE("a number alone is bytes") {
  CHECK(parse_bytes("0") == Bytes{0});
  CHECK(parse_bytes("512") == Bytes{512});
  CHECK(parse_bytes("512B") == Bytes{512});
}

TEST_CASE("binary units count 1024, decimal ones 1000, a bare letter is binary") {
  CHECK(parse_bytes("64KiB") == kib(64));
  CHECK(parse_bytes("64K") == kib(64));
  CHECK(parse_bytes("64kB") == Bytes{64'000});
  CHECK(parse_bytes("64KB") == Bytes{64'000});
  CHECK(parse_bytes("3MiB") == mib(3));
  CHECK(parse_bytes("3MB") == Bytes{3'000'000});
  CHECK(parse_bytes("8GiB") == gib(8));
  CHECK(parse_bytes("8G") == gib(8));
  CHECK(parse_bytes("8GB") == Bytes{8'000'000'000});
  CHECK(parse_bytes("2TiB") == gib(2048));
  CHECK(parse_bytes("1PB") == Bytes{1'000'000'000'000'000});
}

TEST_CASE("fractions and a space before the unit are read") {
  CHECK(parse_bytes("1.5GiB") == mib(1536));
  CHECK(parse_bytes("2 GB") == Bytes{2'000'000'000});
  CHECK(parse_bytes("0.5K") == Bytes{512});
  CHECK(parse_bytes("0.4") == Bytes{0});
  CHECK(parse_bytes("0.6") == Bytes{1});
}

TEST_CASE("what is not a size is nothing") {
  for (const char* text : {"", " ", "GiB", "-1", "-1GiB", "+1", "1 XB", "1GiBx", "1 GiB ", " 1GiB", "1e3", "0x10",
                           "1,5GiB", "1.2.3", "nan", "inf", "80%", "1gib", "\0001"}) {
    CAPTURE(text);
    CHECK(parse_bytes(text) == std::nullopt);
  }
}

TEST_CASE("a size that 63 bits cannot hold is nothing") {
  CHECK(parse_bytes("8191PiB") == gib(8191LL * 1024 * 1024));
  CHECK(parse_bytes("8192PiB") == std::nullopt);
  CHECK(parse_bytes("9223372036854775807") == std::nullopt);  // rounds up to 2^63
  CHECK(parse_bytes("99999999999999999999999") == std::nullopt);
}

TEST_CASE("sizes are written with three significant digits, or whole up to 1023") {
  const std::vector<std::pair<Bytes, std::string>> expected{
      {Bytes{0}, "0 B"},
      {Bytes{1}, "1 B"},
      {Bytes{1023}, "1023 B"},
      {kib(1), "1 KiB"},
      {Bytes{1536}, "1.5 KiB"},
      {mib(1536), "1.5 GiB"},
      {gib(8), "8 GiB"},
      {gib(10), "10 GiB"},
      {gib(100), "100 GiB"},
      {mib(12'595), "12.3 GiB"},
      {kib(1024 * 1024) + mib(256), "1.25 GiB"},
      {mib(1000), "1000 MiB"},
      {gib(1024), "1 TiB"},
      {Bytes{-512}, "-512 B"},
      {-gib(2), "-2 GiB"},
      {Bytes{std::numeric_limits<std::int64_t>::max()}, "8192 PiB"},
  };
  for (const auto& [bytes, text] : expected) CHECK(to_string(bytes) == text);
}

TEST_CASE("a number just below the next unit moves into it") {
  CHECK(to_string(mib(1) - Bytes{1}) == "1 MiB");
  CHECK(to_string(gib(1) - Bytes{1}) == "1 GiB");
  CHECK(to_string(gib(1024) - Bytes{1}) == "1 TiB");
  CHECK(to_string(-(gib(1) - Bytes{1})) == "-1 GiB");
}

TEST_CASE("what was written is read back to within half a percent") {
  for (std::int64_t count = 1; count < std::int64_t{1} << 60; count = count * 3 + 1) {
    const std::optional<Bytes> back = parse_bytes(to_string(Bytes{count}));
    CAPTURE(count);
    REQUIRE(back);
    const std::int64_t off = back->count > count ? back->count - count : count - back->count;
    CHECK(off <= count / 200);
  }
}

TEST_CASE("differences may be negative and still compare") {
  const Bytes free = gib(1) - gib(3);
  CHECK(free == -gib(2));
  CHECK(free < Bytes{0});
  Bytes sum = free;
  sum += gib(2);
  sum -= kib(1);
  CHECK(sum == -kib(1));
}

}  // namespace
}  // namespace rouse
