#include "service/state_file.hpp"

namespace rouse {

std::string state_file(const config::Config& config, const config::Environment& environment) {
  if (config.state) return *config.state;
  const auto folder = [&](std::string_view variable) {
    const std::string value = environment(variable).value_or("");
    return value.starts_with('/') ? value.substr(0, value.find(':')) : std::string();  // systemd may give several
  };
  if (const std::string given = folder("STATE_DIRECTORY"); !given.empty()) return given + "/state.db";
  if (const std::string given = folder("XDG_STATE_HOME"); !given.empty()) return given + "/rouse/state.db";
  if (const std::string home = folder("HOME"); !home.empty()) return home + "/.local/state/rouse/state.db";
  return "";
}

}  // namespace rouse
