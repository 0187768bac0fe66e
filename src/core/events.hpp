// What happens to the core. An event is a fact; the core never doubts it, it only decides what follows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model.hpp"
#include "core/policy.hpp"

namespace rouse::core {

// --- from clients -------------------------------------------------------------------------------------------

enum class Patience : std::uint8_t { may_wait, only_if_ready };
enum class Origin : std::uint8_t { client, operator_ };  // an operator's load does not wait for the back-off

struct Submit {
  RequestId request;  // never used before
  ModelId model;
  ClientId client;
  Priority priority = Priority::normal;
  TimePoint deadline;  // it is refused if it still waits then
  std::optional<Keep> keep;
  Patience patience = Patience::may_wait;
  Origin origin = Origin::client;
};

// The caller has left before being admitted. Ignored for a request that is not waiting.
struct Abandon {
  RequestId request;
};

enum class Outcome : std::uint8_t {
  ok,      // answered well: clears the model's failures if its worker still lives
  failed,  // broke off
  unused,  // admitted, but nothing was asked of the worker
};

// An admitted request is over; also legal after its worker died.
struct Finish {
  RequestId request;
  Outcome outcome = Outcome::ok;
};

// Bytes of a device for a program that is not ours, for a while. It waits, is planned for, admitted or refused as a
// request for a model of that size is; its lease is the reservation. Finish or Abandon give it back; when its time is
// over the lease is cut.
struct Reserve {
  RequestId request;    // never used before
  ModelId reservation;  // never used before, from kFirstReservation on
  DeviceId device;
  Bytes bytes;
  ClientId client;
  Priority priority = Priority::normal;
  TimePoint deadline;                // it is refused if it still waits then
  Duration lasts = Duration::max();  // once granted
};

// --- from workers: ignored when the worker is no longer current ---------------------------------------------

struct Loaded {
  WorkerId worker;
};
struct LoadFailed {  // the engine said so, or its readiness cannot come; the process may still run
  WorkerId worker;
  std::string error;
  std::vector<DeviceId> short_of = {};  // whose memory ran out, where that is why
};
struct Exited {  // the process tree is gone
  WorkerId worker;
  std::string error;                    // how, for people
  std::vector<DeviceId> short_of = {};  // whose memory ran out, where that is why
};
struct BytesReturned {  // the worker's bytes have been seen back; always counts, on some devices alone once it has
                        // ended
  WorkerId worker;
  std::vector<DeviceId> devices = {};  // where; empty: everywhere
};
struct EffectFailed {  // StartWorker could not be carried out: there is no process
  WorkerId worker;
  std::string error;
};
struct Slept {  // it sleeps, and what it gave up has been seen back
  WorkerId worker;
};
struct Woken {  // it answers again
  WorkerId worker;
};
struct SleepFailed {  // it could not be put to sleep, or woken; its process may still run
  WorkerId worker;
  std::string error;
};
struct Trimmed {  // it has dropped what caches it could; what it holds now was measured before
  WorkerId worker;
};
struct EffectTimedOut {  // the current start, sleep, wake, stop or kill of this worker took too long
  WorkerId worker;
};
struct FootprintMeasured {  // what the worker really holds; while it loads, only more than expected counts
  WorkerId worker;
  Placement bytes;
};

// --- from the machine ---------------------------------------------------------------------------------------

struct TreeBytes {
  WorkerId worker;
  Bytes bytes;
};
// One sample of one device; everything in it was true at the same moment.
struct DeviceMeasured {
  DeviceId device;
  Bytes total;
  Bytes used;                                   // by everybody
  std::optional<std::vector<TreeBytes>> trees;  // by our process trees; nothing where it cannot be attributed
  bool shared = false;                          // a program that is not ours computes on it
};

// --- from the operator --------------------------------------------------------------------------------------

// A load that nobody waits for. A configured one takes free bytes only; one whose request a fallback has served evicts
// idle workers past their residency, by value.
enum class Evicts : std::uint8_t { no, yes };
struct Preload {
  ModelId model;
  Evicts evicts = Evicts::no;
};

struct Unload {
  RequestId request;  // answered by Unloaded or Refuse
  ModelId model;
  Force force = Force::no;
  TimePoint deadline;  // with force: when leases are cut
};
struct Pin {
  ModelId model;
  bool pinned = true;
};
struct Forget {  // what was learnt of it, its failures included
  ModelId model;
};
struct CatalogueChanged {
  std::vector<ModelSpec> changed;  // new entries and changed ones
  std::vector<ModelId> removed;
  std::vector<Budget> budgets;        // new devices and changed budgets
  std::optional<Policy> policy = {};  // if it changed; for what is decided from now on
};
struct Shutdown {
  TimePoint deadline;  // when leases are cut
};
struct Tick {};  // the time asked for by WakeAt has come

using Event = std::variant<Submit, Abandon, Finish, Loaded, LoadFailed, Exited, BytesReturned, Slept, Woken,
                           SleepFailed, EffectFailed, EffectTimedOut, Trimmed, FootprintMeasured, DeviceMeasured,
                           Reserve, Preload, Unload, Pin, Forget, CatalogueChanged, Shutdown, Tick>;

}  // namespace rouse::core
