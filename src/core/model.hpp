// What the core knows of a catalogue entry: sizes and policy, nothing of engines or files.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace rouse::core {

enum class Priority : std::uint8_t { low, normal, high };

// How long an idle worker stays: counted from the end of its last lease with nobody waiting.
struct Keep {
  Duration idle = std::chrono::minutes(5);

  static constexpr Keep forever() { return {Duration::max()}; }
  constexpr bool is_forever() const { return idle == Duration::max(); }
  friend constexpr auto operator<=>(Keep, Keep) = default;
};

struct DeviceBytes {
  DeviceId device;
  Bytes bytes;
  friend constexpr auto operator<=>(DeviceBytes, DeviceBytes) = default;
};

// Which devices a worker gets and how many bytes on each: all or nothing. Ascending by device, each once.
using Placement = std::vector<DeviceBytes>;

inline Bytes bytes_on(const Placement& placement, DeviceId device) {
  const auto it = std::ranges::find(placement, device, &DeviceBytes::device);
  return it == placement.end() ? Bytes{} : it->bytes;
}

inline bool has_share(const Placement& placement, DeviceId device) {
  return std::ranges::contains(placement, device, &DeviceBytes::device);
}

// On each device the larger of both.
inline Placement larger(const Placement& a, const Placement& b) {
  Placement both = a;
  for (const auto& [device, bytes] : b) {
    const auto at = std::ranges::lower_bound(both, device, {}, &DeviceBytes::device);
    if (at != both.end() && at->device == device)
      at->bytes = std::max(at->bytes, bytes);
    else
      both.insert(at, {device, bytes});
  }
  return both;
}

inline bool same_devices(const Placement& a, const Placement& b) {
  return std::ranges::equal(a, b, {}, &DeviceBytes::device, &DeviceBytes::device);
}

inline Bytes total(const Placement& placement) {  // of memory: places in groups are none
  Bytes sum;
  for (const DeviceBytes& share : placement) {
    if (!is_group(share.device)) sum += share.bytes;
  }
  return sum;
}

enum class Force : std::uint8_t { no, yes };  // an operator's: over pins, over those who wait

enum class SizeSource : std::uint8_t { configured, estimated, measured };

// What earlier lives of a model have shown. The core goes on from there, and takes it again whenever it is another.
struct Learnt {
  std::optional<Placement> footprint = {};  // what a worker was seen to hold
  std::optional<Placement> needed = {};     // and what it is given instead since its memory ran out
  std::optional<Duration> load = {};
  std::optional<Duration> wake = {};
  friend bool operator==(const Learnt&, const Learnt&) = default;
};

struct ModelSpec {
  ModelId id;
  std::uint64_t revision = 0;         // differs when a running worker is no longer what the entry asks for
  std::vector<Placement> placements;  // where it may go, the preferred one first; never empty
  SizeSource size_source = SizeSource::estimated;
  Learnt learnt = {};
  Priority priority = Priority::normal;
  bool pinned = false;   // never evicted
  bool preload = false;  // load at start into free bytes
  Keep keep;
  std::uint32_t concurrency = 4;                     // leases at once on one worker, at least 1
  std::uint32_t queue_limit = 1024;                  // requests waiting at most
  Duration expected_load = std::chrono::seconds(5);  // until a load has been seen
  // Before another may take its place. Nothing: 2 s, or as long as its load was seen to take if that is longer.
  std::optional<Duration> min_residency = {};
  Duration stop_grace = std::chrono::seconds(10);   // between being asked to stop and being killed
  std::optional<Placement> asleep = {};             // what a worker holds while it sleeps, where its engine can
  Duration sleep_grace = std::chrono::seconds(60);  // between being told to sleep and being stopped for not doing it
  Keep keep_asleep = Keep::forever();               // how long a sleeping worker stays
  bool trims = false;                               // its engine can drop its caches and keep the weights
  Duration reserved_for = Duration::max();          // of a reservation
};

struct Budget {
  DeviceId device;
  Bytes total;    // the pool's size
  Bytes limit;    // what workers may hold at most
  Bytes reserve;  // what always stays free for others
};

}  // namespace rouse::core
