// What is known of the machine's GPUs, and which worker holds what of them: a value, and questions to it.
//
// Owner: the daemon. Owner thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "core/events.hpp"
#include "core/model.hpp"
#include "system/gpu_meter.hpp"

namespace rouse::daemon {

constexpr DeviceId gpu_device(std::size_t index) { return DeviceId{index + 1}; }
constexpr bool is_gpu(DeviceId device) { return device != kHost && !is_group(device); }

// One GPU's memory, divided among whoever holds it.
struct GpuHolders {
  std::map<WorkerId, Bytes> workers;
  bool has_strangers = false;  // a program of somebody else computes there
};

class Gpus {
 public:
  using Roots = std::map<int, WorkerId>;  // of the workers' process trees

  // Takes what was seen of all of them; the processes of the trees are remembered for the time when they have ended.
  void see(std::vector<system::Gpu> gpus, const Roots& roots);
  // The driver does not answer: none of them can be used.
  void lose(const std::string& why);

  const std::vector<system::Gpu>& all() const { return all_; }
  const system::Gpu* find(DeviceId device) const;
  // Nothing where the driver does not attribute it.
  std::optional<GpuHolders> holders(DeviceId device) const;
  // "GPU-…,GPU-…": empty when the placement has none, or one that nobody knows the name of.
  std::string uuids_of(const core::Placement& placement) const;

  // What a worker that has ended leaves behind there, to be seen back.
  struct Left {
    core::Placement bytes;                  // on GPUs alone
    std::set<int> processes;                // that were seen there
    std::map<DeviceId, Bytes> used;         // by everybody, when it was last seen alive
    std::map<DeviceId, Bytes> used_before;  // … and before it was started
  };
  // By what was seen last: its processes are in no list; where there is none, as much less is in use as it held, or no
  // more than before it came.
  bool are_back(const Left& left) const;
  // The used memory of those in the placement, as seen last.
  std::map<DeviceId, Bytes> used(const core::Placement& placement) const;
  std::set<int> processes_of(WorkerId worker) const;
  void forget(WorkerId worker);

 private:
  std::vector<system::Gpu> all_;
  std::map<int, WorkerId> processes_;  // of workers, that are or were in the lists
};

}  // namespace rouse::daemon
