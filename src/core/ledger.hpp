// Who holds how many bytes of each device's budget, and what that leaves.
//
// A row is born with StartWorker and dies when its bytes have been seen back, however its process ended:
//   live → owed (the process is gone) → gone | unconfirmed (not seen back within the bound) → gone
//   live → stuck (the process cannot be ended) → owed …
// Rows are never merged: a model may have an owed row beside a live one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/events.hpp"
#include "core/model.hpp"

namespace rouse::core {

enum class Phase : std::uint8_t { live, owed, unconfirmed, stuck };

struct Row {
  WorkerId worker;
  ModelId model;
  Placement bytes;
  Phase phase = Phase::live;
  TimePoint until = kNever;         // owed: then unconfirmed
  std::vector<RequestId> receipts;  // unloads to answer when the bytes are back, or unconfirmed
};

struct Device {
  Budget budget;
  Bytes others;  // used by programs that are not ours, by the last sample
  Bytes used;    // by everybody, by the last sample
  Bytes held;    // by all rows
};

class Ledger {
 public:
  void set_budget(const Budget& budget);
  // Takes a sample: what others use, and which unconfirmed bytes must be gone. True if that changes what is free.
  bool measure(const DeviceMeasured& sample, bool frozen);

  void hold(WorkerId worker, ModelId model, Placement bytes);
  void resize(WorkerId worker, Placement bytes);
  void owe(WorkerId worker, TimePoint until);  // its process is gone
  void give_up(WorkerId worker);               // its process will not die
  // Owed rows whose bound has passed become unconfirmed: which.
  std::vector<WorkerId> expire(TimePoint now);
  std::optional<Row> release(WorkerId worker);  // the bytes are back
  Row* find(WorkerId worker);
  const Row* find(WorkerId worker) const;

  const std::map<WorkerId, Row>& rows() const { return rows_; }
  const std::map<DeviceId, Device>& devices() const { return devices_; }
  TimePoint next_bound() const;  // of owed rows

  // min(limit, total − others − reserve), never below zero; zero for a device nobody has named.
  Bytes effective(DeviceId device) const;
  // min(limit, total − reserve): what the device can offer at the best of times.
  Bytes ever(DeviceId device) const;
  // effective − all rows; negative when over budget.
  Bytes free(DeviceId device) const;

 private:
  void add(const Placement& bytes, int sign);

  std::map<WorkerId, Row> rows_;
  std::size_t owed_ = 0;  // rows
  std::map<DeviceId, Device> devices_;
};

}  // namespace rouse::core
