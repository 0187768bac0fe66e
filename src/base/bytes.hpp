// A count of bytes as a type of its own, and its two readable forms.
//
// Signed, so that differences are honest: a device over its budget has fewer than zero bytes free.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rouse {

struct Bytes {
  std::int64_t count = 0;

  friend constexpr auto operator<=>(Bytes, Bytes) = default;
  constexpr Bytes& operator+=(Bytes other) {
    count += other.count;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    count -= other.count;
    return *this;
  }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return a += b; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return a -= b; }
  friend constexpr Bytes operator-(Bytes a) { return Bytes{-a.count}; }
};

constexpr Bytes kib(std::int64_t n) { return Bytes{n * 1024}; }
constexpr Bytes mib(std::int64_t n) { return Bytes{n * 1024 * 1024}; }
constexpr Bytes gib(std::int64_t n) { return Bytes{n * 1024 * 1024 * 1024}; }

// Reads "512", "64KiB", "1.5GiB", "2 GB" (decimal units count 1000, binary ones 1024; "G" alone is binary).
// Nothing for anything else: negative, unknown unit, or more than 2^63 − 1 bytes.
std::optional<Bytes> parse_bytes(std::string_view text);

// "0 B", "512 B", "1.5 GiB": binary units, three significant digits (or a whole number up to 1023).
std::string to_string(Bytes bytes);

}  // namespace rouse
