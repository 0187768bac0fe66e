// How much of a file the page cache holds: what a load need not fetch from a disk.
//
// Plain functions; any thread may call them. A file is asked by cachestat(2), in microseconds whatever its size; where
// the kernel has none (before 6.5), or forbids it, by mincore(2), some 20 µs a GB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.hpp"

namespace rouse::system {

struct PageCache {
  Bytes size;
  Bytes cached;  // of it; never more
};

// Of these files together. One that cannot be read counts nothing.
PageCache page_cache(const std::vector<std::filesystem::path>& files);

enum class CacheQuery : std::uint8_t { cachestat, mincore };

// Of the bytes from `offset` on, of an open file; by the other call where the first one is not there.
Bytes cached_bytes(int file, Bytes offset, Bytes length, CacheQuery by = CacheQuery::cachestat);

// The regular files among these, and in the folders among them at any depth, in their order and by name within a
// folder; 4,096 at most. Folders that links lead to are left out.
std::vector<std::filesystem::path> regular_files(const std::vector<std::filesystem::path>& paths);

}  // namespace rouse::system
