// Durations as people write them: "250ms", "30s", "5m", "1h30m", "2d", "1.5h".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace rouse {

// One or more of number and unit (ns, us, ms, s, m, h, d), without spaces, the largest unit first; "0" needs none.
// Nothing for anything else: negative, a number without a unit, a unit twice, more than 290 years.
std::optional<Duration> parse_duration(std::string_view text);

// The same form, exact: reading it gives the same duration. "0" for none, "forever" for Duration::max().
std::string format_duration(Duration duration);

}  // namespace rouse
