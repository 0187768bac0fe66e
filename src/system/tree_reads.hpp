// How much a process tree has read, from a disk or from the page cache: read(2) and the like, not what it maps.
//
// Any thread. `root` is where to find /proc (for tests; "/" otherwise).
#pragma once

#include <filesystem>

#include "base/bytes.hpp"

namespace rouse::system {

// By `pid` and all its descendants that are there; one that may not be looked at counts nothing.
Bytes bytes_read(int pid, const std::filesystem::path& root = "/");

}  // namespace rouse::system
