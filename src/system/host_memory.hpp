// Meters of the host's memory: what the machine has, and what a process tree holds.
//
// Plain functions that read /proc and the cgroup files; any thread may call them. `root` is where to find these
// (for tests; "/" otherwise).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
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
  Bytes locked{};     // file pages that are held in memory; told only by an exact look
  int processes = 0;  // 0: nothing is there any more

  Bytes held() const { return anonymous + shared + locked; }
};

// Of `pid` and all its descendants. About 20 µs a process.
TreeMemory tree_memory(int pid, const std::filesystem::path& root = "/");

// The same, exactly: what several processes share is divided among them, and locked file pages are told apart. Walks
// the page tables: about 15 ms for each GB that is mapped.
TreeMemory exact_tree_memory(int pid, const std::filesystem::path& root = "/");

// How much of the last ten seconds programs have waited for memory, in per cent: on the machine or in our cgroup,
// whichever is more. Nothing where the kernel does not tell (PSI).
std::optional<double> memory_pressure(const std::filesystem::path& root = "/");

// Direct children of all of its threads, adopted ones included.
std::vector<int> children(int pid, const std::filesystem::path& root = "/");

// All descendants of `pid` that can be seen, parents before children, without `pid` itself.
std::vector<int> descendants(int pid, const std::filesystem::path& root = "/");

// `pid` and its ancestors, the nearest first; empty when it is gone.
std::vector<int> line_of(int pid, const std::filesystem::path& root = "/");

// The kernel's count of OOM kills: in our cgroup where it counts, else on the whole machine. 0 when it tells nothing.
std::int64_t oom_kills(const std::filesystem::path& root = "/");

}  // namespace rouse::system
