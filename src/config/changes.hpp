// How one configuration differs from another, by the names that stand in the file. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace rouse::config {

struct Changes {
  std::vector<std::string> added;  // models, ascending
  std::vector<std::string> changed;
  std::vector<std::string> removed;
  std::vector<std::string> settings;       // sections: "budgets", "policy", …
  std::vector<std::string> needs_restart;  // what stays as it was until then: "listen", "admin_socket"
  friend bool operator==(const Changes&, const Changes&) = default;
};

Changes changes(const Config& before, const Config& after);

// "added a, b; removed c; changed limits; listen: from the next start on"; "nothing changed".
std::string to_string(const Changes& changes);

}  // namespace rouse::config
