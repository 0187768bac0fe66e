// What the loads of a model have shown, kept from one life of the daemon to the next.
//
// A record is about one model as it is configured, with its files as they are, in one placement: anything else is
// another key, and begins with nothing. Values. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace rouse::daemon {

// By device: "host", or a GPU's UUID, as its number may be another's at the next start.
using BytesByDevice = std::map<std::string, Bytes>;

struct LearntKey {
  std::string model;
  std::string identity;   // of its engine, options and files
  std::string placement;  // the devices: "host", "GPU-5f…,host"
  friend auto operator<=>(const LearntKey&, const LearntKey&) = default;
};

// How long until it was ready, by where it came from.
struct LoadTimes {
  std::optional<Duration> cold;    // most of its files from a disk
  std::optional<Duration> cached;  // most of them from the page cache
  // Of a load that begins with so much of its files to come from a disk, from 0 to 1.
  std::optional<Duration> at(double cold_share) const;
  friend bool operator==(const LoadTimes&, const LoadTimes&) = default;
};

struct LearntRecord {
  BytesByDevice footprint;  // of a worker that stands still; not less than its program says that it will take
  BytesByDevice peak;       // the most that one ever held
  BytesByDevice needed;     // more than that, since its memory ran out; empty: it did not, or that was long ago
  LoadTimes load;
  std::optional<Duration> wake;
  std::uint64_t loads = 0;  // that became ready
  std::uint64_t wakes = 0;
  std::uint64_t failures = 0;
  std::uint64_t out_of_memory = 0;
  std::int64_t last_used = 0;  // seconds since 1970; 0: never

  // Times go into the mean of what was there and what is new. With each load that goes well, what is kept beyond the
  // footprint since memory ran out becomes half as much, until it is too little to matter.
  void loaded(Duration took, double cold_share);
  void woken(Duration took);
  void failed() { ++failures; }
  void ran_out(const BytesByDevice& needs);
  void holds(const BytesByDevice& bytes);  // at any time
  friend bool operator==(const LearntRecord&, const LearntRecord&) = default;
};

using LearntRecords = std::map<LearntKey, LearntRecord>;

}  // namespace rouse::daemon
