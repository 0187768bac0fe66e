// Where the daemon keeps what outlives it.
#pragma once

#include <string>

#include "config/config.hpp"

namespace rouse {

// As configured; otherwise state.db in $STATE_DIRECTORY (systemd's), or rouse/state.db in $XDG_STATE_HOME, or in
// ~/.local/state (https://specifications.freedesktop.org/basedir-spec). Empty: nowhere.
std::string state_file(const config::Config& config, const config::Environment& environment);

}  // namespace rouse
