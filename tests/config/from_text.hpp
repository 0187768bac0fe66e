// What the tests of the configuration have in common: reading text with an environment of their own.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace rouse::config {

inline Environment environment(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

inline std::expected<Config, Problems> parse(std::string_view text) {
  return from_text(text, "/etc/rouse/rouse.yaml", environment({{"HOME", "/home/ada"}}));
}

// The problems as people see them, without the file's name.
inline std::vector<std::string> problems(std::string_view text) {
  std::vector<std::string> lines;
  const auto config = from_text(text, "f", environment({{"HOME", "/home/ada"}}));
  if (config) return lines;
  for (const Problem& problem : config.error()) lines.push_back(to_string(problem).substr(2));
  return lines;
}

}  // namespace rouse::config
