// Meters of the host's memory: what the machine has, and what a process tree holds.
//
// Plain functions that read /proc and the cgroup files; any thread may call them. `root` is where to find these
// (for tests; "/" otherwise).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace rouse::system {

struct HostMemory {
  Bytes total;      // of the machine, or of the cgroup we run in where that is smaller
  Bytes available;  // what can be taken without swapping; clean file pages count as available
};

Result<HostMemory> host_memory(const std::filesystem::path& root = "/");

// What a process tree holds. Shared pages are counted once for each process that maps them.
struct TreeMemory {
  Bytes anonymous;    // its own: heap, stacks, caches; returned only by its exit
  Bytes shared;       // shared memory (tmpfs, memfd)
  Bytes file;         // mapped file pages: clean and reclaimable, a mapped model's weights
  int processes = 0;  // 0: nothing is there any more

  Bytes held() const { return anonymous + shared; }
};

// Of `pid` and all its descendants. About 20 µs a process.
TreeMemory tree_memory(int pid, const std::filesystem::path& root = "/");

// Direct children of all of its threads, adopted ones included.
std::vector<int> children(int pid, const std::filesystem::path& root = "/");

// All descendants of `pid` that can be seen, parents before children, without `pid` itself.
std::vector<int> descendants(int pid, const std::filesystem::path& root = "/");

// `pid` and its ancestors, the nearest first; empty when it is gone.
std::vector<int> line_of(int pid, const std::filesystem::path& root = "/");

// The kernel's count of OOM kills: in our cgroup where it counts, else on the whole machine. 0 when it tells nothing.
std::int64_t oom_kills(const std::filesystem::path& root = "/");

}  // namespace rouse::system
