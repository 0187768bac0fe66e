#include "system/gpu_meter.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "system/environment.hpp"
#include "system/host_memory.hpp"

namespace rouse::system {
namespace {

// Memory that is taken although no process is listed: below this it is the driver's own.
constexpr Bytes kOfNobody = mib(64);

Bytes bytes_of(unsigned long long count) { return Bytes{static_cast<std::int64_t>(count)}; }

bool has_bytes(const nvml::ProcessInfo& info) { return info.used != nvml::kNotAvailable; }

// A process that both computes and draws is in both lists, with the same figure.
void add(std::vector<GpuProcess>& to, const std::vector<nvml::ProcessInfo>& from, bool computes) {
  for (const nvml::ProcessInfo& info : from) {
    const int pid = static_cast<int>(info.pid);
    const Bytes bytes = bytes_of(info.used);
    const auto known = std::ranges::find(to, pid, &GpuProcess::pid);
    if (known == to.end())
      to.push_back({.pid = pid, .bytes = bytes, .computes = computes});
    else
      known->bytes = std::max(known->bytes, bytes);
  }
}

void lose(Gpu& gpu, std::string why) {
  gpu.processes.reset();
  gpu.unavailable = std::move(why);
}

}  // namespace

std::string driver_library(std::span<const std::string> environment) {
  const std::string_view other = value_of(environment, "ROUSE_DRIVER_LIBRARY");
  return std::string(other.empty() ? "libnvidia-ml.so.1" : other);
}

GpuMeter::GpuMeter(std::string library, std::filesystem::path root)
    : library_(std::move(library)), root_(std::move(root)) {}

Gpu GpuMeter::read(const Nvml& nvml, unsigned int index) const {
  Gpu gpu;
  const auto unavailable = [&](const Error& why) {
    gpu.unavailable = why.message;
    return gpu;
  };
  const auto device = nvml.device(index);
  if (!device) return unavailable(device.error());
  const auto uuid = nvml.uuid(*device);
  if (!uuid) return unavailable(uuid.error());
  gpu.uuid = *uuid;
  if (const auto name = nvml.name(*device)) gpu.name = *name;
  const auto memory = nvml.memory(*device);
  if (!memory) return unavailable(memory.error());
  gpu.unavailable.clear();
  gpu.total = bytes_of(memory->total);
  gpu.used = bytes_of(memory->total - memory->free);
  if (nvml.is_divided(*device)) return gpu;

  const auto computing = nvml.computing(*device);
  if (!computing || !std::ranges::all_of(*computing, has_bytes)) return gpu;
  std::vector<GpuProcess> processes;
  add(processes, *computing, true);
  if (const auto drawing = nvml.drawing(*device)) {
    if (!std::ranges::all_of(*drawing, has_bytes)) return gpu;
    add(processes, *drawing, false);
  }
  bool seen = processes.empty();
  for (GpuProcess& process : processes) {
    process.line = line_of(process.pid, root_);
    seen = seen || !process.line.empty();
  }
  const bool of_nobody = processes.empty() && gpu.used - bytes_of(memory->reserved) > kOfNobody;
  if (seen && !of_nobody) gpu.processes = std::move(processes);
  return gpu;
}

Result<std::vector<Gpu>> GpuMeter::read() {
  if (!nvml_) {
    auto opened = Nvml::open(library_);
    if (!opened) return std::unexpected(std::move(opened.error()));
    nvml_ = std::move(*opened);
  }
  const auto count = nvml_->count();
  if (!count) {
    nvml_.reset();
    return std::unexpected(count.error());
  }
  std::vector<Gpu> listed;
  listed.reserve(*count);
  for (unsigned int index = 0; index < *count; ++index) listed.push_back(read(*nvml_, index));
  recognise(std::move(listed));
  return known_;
}

// Each by its UUID, wherever the driver lists it by now. One that does not tell its own is one of those that are
// missed.
void GpuMeter::recognise(std::vector<Gpu> listed) {
  if (known_.empty()) {
    known_ = std::move(listed);
    return;
  }
  std::vector<Gpu*> missed;
  missed.reserve(known_.size());
  for (Gpu& gpu : known_) missed.push_back(&gpu);
  std::ranges::stable_partition(listed, [](const Gpu& gpu) { return !gpu.uuid.empty(); });
  std::vector<Gpu> others;
  for (Gpu& gpu : listed) {
    auto known = std::ranges::find(missed, gpu.uuid, &Gpu::uuid);
    if (known == missed.end())
      known = std::ranges::find_if(missed, [&](const Gpu* of) { return gpu.uuid.empty() || of->uuid.empty(); });
    if (known == missed.end()) {
      others.push_back(std::move(gpu));
      continue;
    }
    if (gpu.unavailable.empty()) {
      **known = std::move(gpu);
    } else {
      if ((*known)->uuid.empty()) (*known)->uuid = gpu.uuid;
      lose(**known, gpu.unavailable);
    }
    missed.erase(known);
  }
  for (Gpu* gpu : missed) lose(*gpu, "the driver does not list it any more");
  std::ranges::move(others, std::back_inserter(known_));
}

}  // namespace rouse::system
