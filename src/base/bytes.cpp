#include "base/bytes.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <format>
#include <limits>

namespace rouse {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr double kKi = 1024.0;
constexpr double kMi = kKi * kKi;
constexpr double kGi = kMi * kKi;
constexpr double kTi = kGi * kKi;
constexpr double kPi = kTi * kKi;
constexpr std::array<Unit, 18> kUnits{{
    {"", 1},
    {"B", 1},
    {"K", kKi},
    {"KiB", kKi},
    {"KB", 1e3},
    {"kB", 1e3},
    {"M", kMi},
    {"MiB", kMi},
    {"MB", 1e6},
    {"G", kGi},
    {"GiB", kGi},
    {"GB", 1e9},
    {"T", kTi},
    {"TiB", kTi},
    {"TB", 1e12},
    {"P", kPi},
    {"PiB", kPi},
    {"PB", 1e15},
}};

}  // namespace

std::optional<Bytes> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || number < 0) return std::nullopt;
  std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const double bytes = std::round(number * known.factor);
    if (!(bytes < static_cast<double>(std::numeric_limits<std::int64_t>::max()))) return std::nullopt;
    return Bytes{static_cast<std::int64_t>(bytes)};
  }
  return std::nullopt;
}

std::string to_string(Bytes bytes) {
  constexpr std::array<std::string_view, 6> kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double number = static_cast<double>(bytes.count);
  std::size_t unit = 0;
  while (std::abs(number) >= 1023.5 && unit + 1 < kNames.size()) {  // 1023.5 would be written as 1024
    number /= 1024;
    ++unit;
  }
  if (unit == 0) return std::format("{} B", bytes.count);
  const int decimals = std::abs(number) < 9.995 ? 2 : std::abs(number) < 99.95 ? 1 : 0;
  std::string digits = std::format("{:.{}f}", number, decimals);
  if (digits.find('.') != std::string::npos) {
    while (digits.ends_with('0')) digits.pop_back();
    if (digits.ends_with('.')) digits.pop_back();
  }
  return std::format("{} {}", digits, kNames[unit]);
}

}  // namespace rouse
