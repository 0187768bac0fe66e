// What there is to see of models and devices: plain values, made when asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "core/lifecycle.hpp"
#include "core/model.hpp"
#include "daemon/circuit_breaker.hpp"
#include "daemon/learnt.hpp"
#include "system/duplicates.hpp"

namespace rouse::daemon {

using WallTime = std::chrono::system_clock::time_point;

// What has come of the bytes that a load needs: from a disk, and into memory.
struct Come {
  Bytes present;
  Bytes needed;
};

struct ModelStatus {
  std::string name;
  std::vector<std::string> aliases;
  std::string_view engine;
  std::string group;  // empty: none
  core::Stage stage = core::Stage::cold;
  std::string drains_for;  // while it drains: "model b", "a reservation", "an unload", "a change", "the shutdown"
  std::uint64_t leases = 0;
  std::uint64_t waiting = 0;
  core::Placement footprint;  // held now, else expected; empty while nothing is known
  core::SizeSource footprint_source = core::SizeSource::estimated;
  core::Placement configured;          // empty: the entry says nothing
  core::Placement estimated;           // by its files, or its program; empty: nothing
  std::optional<LearntRecord> learnt;  // by device_name()
  Bytes file_pages;  // mapped by its worker: clean, and reclaimable where they are not part of the footprint
  std::optional<int> pid;
  std::optional<system::Duplicates> duplicates;  // of its weights, in the processes of its worker
  std::uint64_t loads = 0;                       // that became ready
  std::optional<Duration> last_load;             // how long it took
  std::optional<WallTime> last_used;             // end of the last lease
  std::optional<WallTime> expires_at;  // when it stops if nobody asks; nothing while busy, pinned or kept for ever
  bool keep_forever = false;
  bool pinned = false;
  bool removed = false;                          // no longer configured: its worker ends its answers
  std::optional<double> progress;                // 0 … 0.99 while loading or waking
  std::optional<Duration> time_left;             // until it is ready, as far as can be told
  std::optional<Come> come;                      // while loading
  std::string error;                             // of a failed one, or one whose circuit is open; for administrators
  std::optional<WallTime> retry_at;              // of a failed one, or one whose circuit is open
  std::optional<CircuitBreaker::State> circuit;  // of a remote one: whether its server is asked
};

struct DeviceStatus {
  std::string name;  // "host", "gpu0", …
  Bytes total;
  Bytes limit;
  Bytes reserve;
  Bytes effective;
  Bytes used_by_models;
  Bytes used_by_others;
  Bytes unconfirmed;
  Bytes kept_warm;                      // files of cold models
  Bytes reserved;                       // for programs outside
  std::string uuid = {};                // of a GPU
  std::string product = {};             // likewise: "NVIDIA H100 80GB HBM3"
  std::string unavailable = {};         // why it cannot be used now; empty: it can
  bool attributed = true;               // who holds what of it is told
  bool shared = false;                  // a program of somebody else computes there
  Bytes file_pages = {};                // mapped by workers
  std::optional<double> pressure = {};  // per cent of the last ten seconds that programs have waited for its memory
  bool pressed = false;                 // and that is much
};

// What came back, or did not, when a worker ended or dropped its caches.
struct Receipt {
  core::Placement freed;         // seen back
  core::Placement missing = {};  // not seen back within the bound: unconfirmed until it is
  Duration took{};
  std::string_view reason = {};

  bool confirmed() const { return missing.empty(); }
};

struct GroupStatus {
  std::string name;
  std::uint32_t max_loaded = 0;
  std::uint32_t loaded = 0;  // or on their way in or out
};

enum class RequestPhase : std::uint8_t {
  queued,     // waits for memory, or for a free slot
  loading,    // waits while its model loads
  prompt,     // with the engine; no byte of the answer yet
  streaming,  // its answer is on its way
};
std::string_view name(RequestPhase phase);

struct RequestStatus {
  std::string id;     // X-Request-Id; where several carry the same, "…~7", so that each has one of its own
  std::string model;  // that is to answer
  std::optional<std::string> asked;  // the one that the client named, where another stands in for it
  std::string client;
  bool by_operator = false;
  RequestPhase phase = RequestPhase::queued;
  Duration waited{};                      // until now, or until it was admitted
  std::optional<std::uint64_t> position;  // in the queue of its model, from 1; nothing once admitted
  std::uint64_t bytes = 0;                // of the answer, so far
};

std::string device_name(DeviceId id);
// "host 2 GiB, gpu0 6 GiB"; without places in groups.
std::string describe(const core::Placement& placement);

}  // namespace rouse::daemon
