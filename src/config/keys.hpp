// Reads the entries under `keys:`.
#pragma once

#include <vector>

#include "config/key.hpp"
#include "config/reading.hpp"

namespace rouse::config {

// Ascending by name. No hash leads to two keys.
std::vector<Key> read_keys(Reading& reading, const Entry& entry);

}  // namespace rouse::config
