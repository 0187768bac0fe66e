// Reads what is said of a model that is a program of its own: its command line, its environment, how it is asked.
#pragma once

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

void read_argv(Reading& reading, const Entry& entry, Command& into);
void read_environment(Reading& reading, const Entry& entry, Command& into);
void read_listen(Reading& reading, const Entry& entry, std::optional<Address>& into);
void read_health(Reading& reading, const Entry& entry, Command& into);
void read_sleep(Reading& reading, const Entry& entry, Command& into);
void read_wake(Reading& reading, const Entry& entry, Command& into);
void read_trim(Reading& reading, const Entry& entry, Command& into);
void read_estimate(Reading& reading, const Entry& entry, Command& into);
// Bytes by device, ascending, as in {host: 2GiB, gpu0: 8GiB}.
void read_footprint(Reading& reading, const Entry& entry, core::Placement& into);

// Once all of its keys have been read: whether the program is told where to listen, in one way. `entry` is the model,
// `command` the key where it says so.
void check_placeholders(Reading& reading, const Entry& entry, const Entry& command, Command& into);
// … and whether a program that is told to sleep can be woken.
void check_sleep(Reading& reading, const Entry& entry, Command& into);

}  // namespace rouse::config
