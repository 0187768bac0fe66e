// Who holds how many bytes of each device's budget, and what that leaves.
//
// A row is born with StartWorker and dies when its bytes have been seen back, however its process ended:
//   live → owed (the process is gone) → gone | unconfirmed (not seen back within the bound) → gone
//   live → stuck (the process cannot be ended) → owed …
// A reservation's is born when it is granted; at its end it has lapsed until the next sample, which says whose the
// bytes are then: its holder's are others' from there on.
// Rows are never merged: a model may have an owed row beside a live one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/events.hpp"
#include "core/lifecycle.hpp"
#include "core/model.hpp"

namespace rouse::core {

enum class Phase : std::uint8_t { live, owed, unconfirmed, stuck, lapsed };

struct Row {
  WorkerId worker;
  ModelId model;
  Placement bytes;
  Phase phase = Phase::live;
  TimePoint until = kNever;         // owed: then unconfirmed
  std::vector<RequestId> receipts;  // unloads to answer when the bytes are back, or unconfirmed
  TimePoint leaving_since = kNever;
  StopReason reason = StopReason::none;  // why it leaves
  Placement owed{};                      // what it held when its process had gone
};

struct Device {
  Budget budget;
  Bytes others;         // used by programs that are not ours and hold no reservation: the most of late
  Bytes used;           // by everybody, by the last sample
  Bytes held;           // by all rows
  bool shared = false;  // a program that is not ours computes on it
};

class Ledger {
 public:
  void set_budget(const Budget& budget);
  // Takes a sample: what others use, and which unconfirmed and lapsed bytes must be gone. What others take counts at
  // once; what they give back, once it has stayed back for `calm`.
  struct Measured {
    bool changed = false;   // what is free, or whether the device is shared
    std::vector<Row> gone;  // unconfirmed ones of which nothing is left
  };
  Measured measure(const DeviceMeasured& sample, bool frozen, TimePoint now, Duration calm);

  void hold(WorkerId worker, ModelId model, Placement bytes);
  void resize(WorkerId worker, Placement bytes);
  void owe(WorkerId worker, TimePoint until);  // its process is gone
  void give_up(WorkerId worker);               // its process will not die
  void lapse(WorkerId worker);                 // a reservation is over
  // Owed rows whose bound has passed become unconfirmed: which.
  std::vector<WorkerId> expire(TimePoint now);
  // The bytes are back there, of a worker that has ended: are they now everywhere?
  bool give_back(WorkerId worker, const std::vector<DeviceId>& devices);
  std::optional<Row> release(WorkerId worker);  // the bytes are back
  Row* find(WorkerId worker);
  const Row* find(WorkerId worker) const;

  const std::map<WorkerId, Row>& rows() const { return rows_; }
  const std::map<DeviceId, Device>& devices() const { return devices_; }
  TimePoint next_bound() const;  // of owed rows

  bool any_shared() const { return shared_ > 0; }

  // min(limit, total − others − reserve), never below zero; zero for a device nobody has named.
  Bytes effective(DeviceId device) const;
  // min(limit, total − reserve): what the device can offer at the best of times.
  Bytes ever(DeviceId device) const;
  // effective − all rows; negative when over budget.
  Bytes free(DeviceId device) const;

 private:
  struct Others {                          // what is known of those of a device
    Bytes now;                             // by the last sample alone
    Bytes most_since;                      // …
    std::optional<TimePoint> lower_since;  // … they have used less than what is counted
    Bytes before_grants;                   // what they used when the last reservation was granted, or less since
  };
  void add(const Placement& bytes, int sign);
  bool end_lapsed(DeviceId device);
  Bytes used_by_holders(const DeviceMeasured& sample, Bytes foreign);
  void count_others(DeviceId device, Bytes now_used, TimePoint now, Duration calm);
  std::vector<Row> take_vanished(DeviceId device, Bytes vanished);

  std::map<WorkerId, Row> rows_;
  std::size_t owed_ = 0;    // rows
  std::size_t shared_ = 0;  // devices
  std::map<DeviceId, Device> devices_;
  std::map<DeviceId, Others> others_;
};

}  // namespace rouse::core
