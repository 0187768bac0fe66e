// Reads files into the page cache before somebody else does, several requests deep, so that a program which reads them
// one piece after the other, or through a mapping, finds them there.
//
// Blocks for as long as that takes: for a thread of a pool. Uses io_uring where it may, four threads elsewhere. What is
// cached already is not read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <vector>

#include "base/bytes.hpp"

namespace rouse::system {

enum class Requests : std::uint8_t { io_uring, threads };  // by what they are kept under way

struct Warmed {
  Bytes read;     // by us
  Bytes present;  // there already, or since: the kernel reads ahead, and others do
  Requests by = Requests::io_uring;
};

// In the order of `files`, until `stop` is asked for or `room` is less than a few pieces: it tells how much memory may
// be filled, file pages counted as free as the kernel does, and is asked every 64 MiB, by one thread. No more is read
// than there was room for at first.
Warmed warm(const std::vector<std::filesystem::path>& files, const std::function<Bytes()>& room,
            const std::stop_token& stop, Requests by = Requests::io_uring);

}  // namespace rouse::system
