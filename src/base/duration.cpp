#include "base/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace rouse {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr std::array<Unit, 7> kUnits{{
    // the largest first
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number at the start of the text, times the factor; the text moves on behind it and its unit.
std::optional<std::int64_t> times(std::string_view number, std::int64_t factor) {
  const char* const end = number.data() + number.size();
  if (number.find('.') == std::string_view::npos) {
    std::int64_t whole = 0;
    const auto [rest, error] = std::from_chars(number.data(), end, whole);
    std::int64_t product = 0;
    if (error != std::errc{} || rest != end || __builtin_mul_overflow(whole, factor, &product)) return std::nullopt;
    return product;
  }
  double value = 0;
  const auto [rest, error] = std::from_chars(number.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || rest != end) return std::nullopt;
  const double product = std::round(value * static_cast<double>(factor));
  if (!(product < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(product);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0;
  std::size_t unit = 0;  // the largest that may still come
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.')) ++digits;
    std::size_t letters = digits;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view name = text.substr(digits, letters - digits);
    if (digits == 0 || !is_digit(text[0]) || !is_digit(text[digits - 1])) return std::nullopt;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) return std::nullopt;
    const auto part = times(text.substr(0, digits), kUnits[unit].nanoseconds);
    if (!part || __builtin_add_overflow(sum, *part, &sum)) return std::nullopt;
    if (sum == Duration::max().count()) return std::nullopt;  // means for ever
    ++unit;
    text.remove_prefix(letters);
  }
  return Duration(sum);
}

std::string format_duration(Duration duration) {
  if (duration == Duration::max()) return "forever";
  if (duration == Duration::zero()) return "0";
  std::string text = duration < Duration::zero() ? "-" : "";
  // Magnitudes are negative: the smallest duration has no positive counterpart.
  std::int64_t left = duration < Duration::zero() ? duration.count() : -duration.count();
  for (const Unit& unit : kUnits) {
    const std::int64_t n = -(left / unit.nanoseconds);
    if (n == 0) continue;
    text += std::to_string(n);
    text += unit.name;
    left += n * unit.nanoseconds;
  }
  return text;
}

}  // namespace rouse
