#include "daemon/gpus.hpp"

#include <algorithm>
#include <utility>

namespace rouse::daemon {
namespace {

// Of what a worker held, as much at least has to be seen back where only the whole device is seen.
constexpr std::int64_t kNearlyAll = 95;  // per cent

std::optional<WorkerId> worker_of(const system::GpuProcess& process, const Gpus::Roots& roots,
                                  const std::map<int, WorkerId>& known) {
  for (const int pid : process.line) {
    if (const auto root = roots.find(pid); root != roots.end()) return root->second;
  }
  if (!process.line.empty()) return std::nullopt;
  const auto ended = known.find(process.pid);
  return ended == known.end() ? std::nullopt : std::optional(ended->second);
}

}  // namespace

void Gpus::see(std::vector<system::Gpu> gpus, const Roots& roots) {
  all_ = std::move(gpus);
  for (const system::Gpu& gpu : all_) {
    if (!gpu.processes) continue;
    for (const system::GpuProcess& process : *gpu.processes) {
      if (const auto worker = worker_of(process, roots, processes_))
        processes_.insert_or_assign(process.pid, *worker);
      else if (!process.line.empty())
        processes_.erase(process.pid);  // the number is another's now
    }
  }
}

void Gpus::lose(const std::string& why) {
  for (system::Gpu& gpu : all_) {
    gpu.unavailable = why;
    gpu.processes.reset();
  }
}

const system::Gpu* Gpus::find(DeviceId device) const {
  if (!is_gpu(device) || device.value > all_.size()) return nullptr;
  return &all_[device.value - 1];
}

std::optional<GpuHolders> Gpus::holders(DeviceId device) const {
  const system::Gpu* gpu = find(device);
  if (!gpu || !gpu->processes) return std::nullopt;
  GpuHolders holders;
  for (const system::GpuProcess& process : *gpu->processes) {
    if (const auto worker = processes_.find(process.pid); worker != processes_.end())
      holders.workers[worker->second] += process.bytes;
    else
      holders.has_strangers |= process.computes;
  }
  return holders;
}

std::string Gpus::uuids_of(const core::Placement& placement) const {
  std::string text;
  for (const core::DeviceBytes& share : placement) {
    if (!is_gpu(share.device)) continue;
    const system::Gpu* gpu = find(share.device);
    if (!gpu || gpu->uuid.empty()) return {};
    text += (text.empty() ? "" : ",") + gpu->uuid;
  }
  return text;
}

bool Gpus::are_back(const Left& left) const {
  return std::ranges::all_of(left.bytes, [&](const core::DeviceBytes& share) {
    const system::Gpu* gpu = find(share.device);
    if (!gpu || !gpu->unavailable.empty()) return false;
    if (gpu->processes) {
      return std::ranges::none_of(*gpu->processes, [&](const system::GpuProcess& process) {
        // One that has ended and that nobody knows may be of its tree.
        return left.processes.contains(process.pid) || process.line.empty();
      });
    }
    const auto used = left.used.find(share.device);
    const auto before = left.used_before.find(share.device);
    const Bytes expected{share.bytes.count / 100 * kNearlyAll};
    return (used != left.used.end() && used->second - gpu->used >= expected) ||
           (before != left.used_before.end() && gpu->used <= before->second);
  });
}

std::map<DeviceId, Bytes> Gpus::used(const core::Placement& placement) const {
  std::map<DeviceId, Bytes> used;
  for (const core::DeviceBytes& share : placement) {
    const system::Gpu* gpu = find(share.device);
    if (gpu && gpu->unavailable.empty()) used.emplace(share.device, gpu->used);
  }
  return used;
}

std::set<int> Gpus::processes_of(WorkerId worker) const {
  std::set<int> pids;
  for (const auto& [pid, holder] : processes_) {
    if (holder == worker) pids.insert(pid);
  }
  return pids;
}

void Gpus::forget(WorkerId worker) {
  std::erase_if(processes_, [&](const auto& known) { return known.second == worker; });
}

}  // namespace rouse::daemon
