// The environment a worker gets: a short list of ours, and what its configuration adds. Our keys, tokens and
// whatever else we were started with stay here; so do LLAMA_ARG_* and the like, which would change what a worker
// does behind the configuration's back.
//
// Pure functions over "NAME=value" strings.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::system {

// May a variable of our own environment be passed on?
bool is_passed_on(std::string_view name);

// Those of `ours` that are passed on, then `added` (each "NAME=value"; replaces one of the same name).
std::vector<std::string> worker_environment(std::span<const std::string> ours, std::span<const std::string> added);

// This process's own environment, as a vector.
std::vector<std::string> own_environment();

// The value of `name` in `environment`, or "" when it is not there.
std::string_view value_of(std::span<const std::string> environment, std::string_view name);

}  // namespace rouse::system
