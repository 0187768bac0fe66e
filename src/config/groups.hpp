// Reads `groups:`, and which of them a model is in.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

std::vector<Group> read_groups(Reading& reading, const Entry& entry);  // ascending by name
void read_group(Reading& reading, const Entry& entry, const std::vector<Group>& groups, std::string& into);

}  // namespace rouse::config
