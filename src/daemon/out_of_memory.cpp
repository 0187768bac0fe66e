#include "daemon/out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <span>

#include "daemon/gpus.hpp"

namespace rouse::daemon {
namespace {

constexpr std::array<std::string_view, 7> kOfGpus{
    "OutOfMemoryError",            // PyTorch's, whatever it adds: torch.OutOfMemoryError, torch.cuda.OutOfMemoryError
    "CUDA_ERROR_OUT_OF_MEMORY",    // the driver's interface
    "cudaErrorMemoryAllocation",   // the run-time's
    "hipErrorOutOfMemory",         // ROCm's
    "ErrorOutOfDeviceMemory",      // Vulkan's
    "RESOURCE_EXHAUSTED",          // XLA
    "OOM when allocating tensor",  // TensorFlow
};
// Whose memory it is that a line says is out.
constexpr std::array<std::string_view, 5> kGpuWords{"CUDA", "cuda", "HIP", "hip", "device"};
constexpr std::string_view kKilled = "killed by signal 9";  // see system/process_exit.hpp
constexpr std::array<std::string_view, 5> kOfHost{
    "out of memory: killed by the kernel",  // see system/process_exit.hpp
    "std::bad_alloc",
    "\nMemoryError",                               // Python, at the beginning of a line
    "Cannot allocate memory",                      // ENOMEM
    "DefaultCPUAllocator: can't allocate memory",  // PyTorch
};

bool says(std::string_view words, std::span<const std::string_view> any) {
  return std::ranges::any_of(any, [&](std::string_view text) { return words.contains(text); });
}

// "CUDA out of memory", "CUDA error: out of memory", "cudaMalloc failed: out of memory", "CUDA failure 2: out of
// memory", "Allocation on device 0 would exceed allowed memory. (out of memory)", …
bool is_told_of_gpus(std::string_view words) {
  return std::ranges::any_of(words | std::views::split('\n'), [](const auto& part) {
    const std::string_view line(part);
    return line.contains("out of memory") && says(line.substr(0, line.find("out of memory")), kGpuWords);
  });
}

}  // namespace

std::vector<DeviceId> ran_out(std::string_view words, const core::Placement& placement, bool is_short) {
  const bool on_gpus = says(words, kOfGpus) || is_told_of_gpus(words);
  const bool on_host = says(words, kOfHost) || (is_short && words.starts_with(kKilled));
  std::vector<DeviceId> devices;
  for (const core::DeviceBytes& share : placement) {
    if ((on_host && share.device == kHost) || (on_gpus && is_gpu(share.device))) devices.push_back(share.device);
  }
  return devices;
}

}  // namespace rouse::daemon
