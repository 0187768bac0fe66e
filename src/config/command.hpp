// Reads what is said of a model that is a program of its own: its command line, its environment, how it is asked.
#pragma once

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

void read_argv(Reading& reading, const Entry& entry, Command& into);
void read_environment(Reading& reading, const Entry& entry, Command& into);
void read_listen(Reading& reading, const Entry& entry, std::optional<Address>& into);
void read_health(Reading& reading, const Entry& entry, Command& into);

// Once all of its keys have been read: whether the program is told where to listen, in one way. `entry` is the model,
// `command` the key where it says so.
void check_placeholders(Reading& reading, const Entry& entry, const Entry& command, Command& into);

}  // namespace rouse::config
