#include "cli/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <format>

namespace rouse::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array kZeroWidth{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd}, Range{0x064b, 0x065f},   Range{0x1ab0, 0x1aff},
    Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f}, Range{0x202a, 0x202e}, Range{0x2060, 0x2064},   Range{0x20d0, 0x20ff},
    Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}, Range{0xfeff, 0xfeff}, Range{0xe0100, 0xe01ef},
};
constexpr std::array kDoubleWidth{
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x23e9, 0x23ec},   Range{0x2e80, 0x303e},
    Range{0x3041, 0xa4cf},   Range{0xa960, 0xa97c},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
    Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f},
    Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1f9ff}, Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd},
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t character) {
  for (const Range range : ranges) {
    if (character >= range.first && character <= range.last) return true;
  }
  return false;
}

std::size_t width_of(char32_t character) {
  if (character < 0x300) return character < 0x20 || (character >= 0x7f && character < 0xa0) ? 0 : 1;
  if (in(kZeroWidth, character)) return 0;
  return in(kDoubleWidth, character) ? 2 : 1;
}

struct Decoded {
  char32_t character;
  std::size_t bytes;
};

Decoded first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (bytes == 1) return {lead, 1};
  if (bytes == 0 || text.size() < bytes) return {U'\ufffd', 1};
  char32_t character = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {U'\ufffd', 1};
    character = character << 6 | (byte(i) & 0x3fu);
  }
  return {character, bytes};
}

bool read_number(std::string_view& text, std::size_t digits, int& into) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, into);
  if (error != std::errc{} || end != text.data() + digits || into < 0) return false;
  text.remove_prefix(digits);
  return true;
}

bool skip(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::minutes> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  const bool east = text.starts_with('+');
  if (!east && !text.starts_with('-')) return std::nullopt;
  text.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!read_number(text, 2, hours) || !skip(text, ':') || !read_number(text, 2, minutes) || !text.empty()) {
    return std::nullopt;
  }
  const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return east ? offset : -offset;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded next = first_character(text);
    width += width_of(next.character);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string kept;
  std::size_t used = 0;
  while (!text.empty()) {
    const Decoded next = first_character(text);
    used += width_of(next.character);
    if (used > width - 1) break;
    kept.append(text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
  return kept + "…";
}

std::string Visible::operator()(std::string_view piece) {
  std::string shown;
  shown.reserve(piece.size() + 1);
  for (const char c : piece) {
    const auto byte = static_cast<unsigned char>(c);
    if (after_c2_) {
      after_c2_ = false;
      if (byte >= 0x80 && byte < 0xa0) continue;  // U+0080 … U+009F: the C1 controls
      shown.push_back('\xc2');
    }
    if (byte == 0xc2) {
      after_c2_ = true;
    } else if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t') {
      shown.push_back(c);
    }
  }
  return shown;
}

std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line = Visible()(text);
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return line;
}

std::string with_full_stop(std::string_view text) {
  const bool has_end = !text.empty() && std::string_view(".?!").contains(text.back());
  return std::format("{}{}", text, has_end ? "" : ".");
}

std::string in_words(Duration duration) {
  using std::chrono::milliseconds;
  const auto whole = std::chrono::duration_cast<milliseconds>(duration).count();
  if (whole <= 0) return "0 ms";
  if (whole < 1000) return std::format("{} ms", whole);
  if (whole < 10'000) return std::format("{:.1f} s", std::floor(static_cast<double>(whole) / 100) / 10);
  const auto seconds = whole / 1000;
  if (seconds < 60) return std::format("{} s", seconds);
  if (seconds < 3600) return std::format("{} m {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return std::format("{} h {} m", seconds / 3600, seconds / 60 % 60);
  return std::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string relative(WallTime time, WallTime now) {
  const auto seconds = [](auto span) { return std::chrono::floor<std::chrono::seconds>(span); };
  if (time >= now + std::chrono::seconds(1)) return "in " + in_words(seconds(time - now));
  if (now >= time + std::chrono::seconds(1)) return in_words(seconds(now - time)) + " ago";
  return "now";
}

std::optional<WallTime> parse_time(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!read_number(text, 4, year) || !skip(text, '-') || !read_number(text, 2, month) || !skip(text, '-') ||
      !read_number(text, 2, day) || (!skip(text, 'T') && !skip(text, ' ')) || !read_number(text, 2, hour) ||
      !skip(text, ':') || !read_number(text, 2, minute) || !skip(text, ':') || !read_number(text, 2, second)) {
    return std::nullopt;
  }
  std::chrono::nanoseconds fraction{0};
  if (skip(text, '.')) {
    std::int64_t unit = 100'000'000;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10) {
      fraction += std::chrono::nanoseconds((text.front() - '0') * unit);
    }
  }
  const auto offset = read_offset(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  const bool countable = year >= 1700 && year < 2262;  // in nanoseconds since 1970
  if (!offset || !date.ok() || !countable || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                                          std::chrono::minutes(minute) + std::chrono::seconds(second) +
                                                          fraction - *offset);
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded += std::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace rouse::cli
