// What a process tree has done so far: read, from a disk or from the page cache (read(2) and the like, not what it
// maps), and computed.
//
// Any thread. `root` is where to find /proc (for tests; "/" otherwise).
#pragma once

#include <filesystem>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace rouse::system {

struct TreeWork {
  Bytes read;
  Duration processor{};  // user and system time, to a hundredth of a second
};

// Of `pid` and all its descendants that are there; what may not be looked at counts nothing.
TreeWork tree_work(int pid, const std::filesystem::path& root = "/");

}  // namespace rouse::system
