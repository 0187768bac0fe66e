// Text for a terminal: how wide it is, what of it may be shown, and times in words. Pure; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace rouse::cli {

using WallTime = std::chrono::system_clock::time_point;

// Columns that the UTF-8 text takes: 2 for East Asian wide characters and emoji, 0 for combining marks. A byte that is
// not UTF-8 counts as one.
std::size_t display_width(std::string_view text);

// At most `width` columns of it; what does not fit is replaced by "…".
std::string fit(std::string_view text, std::size_t width);

// Takes out what a terminal would obey instead of show: escape sequences lose their ESC, other control characters are
// dropped, except for the line end and the tab. Keeps the beginning of a character that is split between two pieces.
class Visible {
 public:
  std::string operator()(std::string_view piece);

 private:
  bool after_c2_ = false;  // the last piece ended with the first byte of U+0080 … U+00BF
};

// One line: as Visible, with line ends and tabs as spaces.
std::string one_line(std::string_view text);

// Unless it has an end of its own: . ? or !
std::string with_full_stop(std::string_view text);

// "3 ms", "1.2 s", "45 s", "4 m 32 s", "2 h 5 m", "3 d 4 h"; "0 ms" for none and less.
std::string in_words(Duration duration);

// "in 4 m 32 s", "12 s ago", "now".
std::string relative(WallTime time, WallTime now);

// "2026-03-01T12:00:00Z", with fractions and offsets. Nothing for anything else, or for a year
// that the clock cannot count (before 1700, from 2262 on).
std::optional<WallTime> parse_time(std::string_view text);

// For the path of a URL: everything but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace rouse::cli
