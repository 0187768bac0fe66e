// Whether several processes of a tree hold the same weights, each for itself: what a server does that was told to start
// several workers, and loads its model in each of them.
//
// Looked for by size alone: large private memory of about the same size. What forks share until one of them writes
// (copy-on-write) is nobody's private memory, and does not count.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace rouse::system {

struct Duplicates {
  int processes = 0;
  Bytes each;  // on average
  friend bool operator==(const Duplicates&, const Duplicates&) = default;
};
std::string to_string(const Duplicates& duplicates);  // "3 processes hold 1 GiB each"

// At least two that differ by 10 % at most, of 64 MiB at least, and no less than half of the largest: smaller ones are
// not what the model's memory goes to. The most processes there are of that kind.
std::optional<Duplicates> find_duplicates(std::span<const Bytes> private_bytes);

// Of `pid` and each of its descendants: what is mapped by that process alone, and cannot be had again from a file. The
// kernel walks its pages for that: about 15 ms a GB.
std::vector<Bytes> private_bytes(int pid, const std::filesystem::path& root = "/");

}  // namespace rouse::system
