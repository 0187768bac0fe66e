// "Did you mean …?": which of the known names is closest to what was written.
//
// Pure; any thread. The work is bounded by the candidates, not by what was written: a name of a megabyte costs no
// more than one of 200 characters.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rouse {

// The names that `name` may have been meant to be, at most `max`, the best first: few typing errors apart (inserted,
// lost, wrong or swapped letters; upper and lower case are the same), then those that begin or end with it.
std::vector<std::string_view> nearest_names(std::string_view name, std::span<const std::string_view> candidates,
                                            std::size_t max = 3);

// R"(did you mean "a" or "b"?)", or nothing when nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates, std::size_t max = 3);

}  // namespace rouse
