#include "daemon/out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "daemon/gpus.hpp"

namespace rouse::daemon {
namespace {

constexpr std::array<std::string_view, 6> kOfGpus{
    "CUDA out of memory",                // PyTorch
    "CUDA error: out of memory",         // PyTorch, ggml
    "cudaMalloc failed: out of memory",  // ggml
    "CUDA_ERROR_OUT_OF_MEMORY",          // the driver's interface
    "HIP out of memory",                 // PyTorch
    "hipErrorOutOfMemory",
};
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

}  // namespace

std::vector<DeviceId> ran_out(std::string_view words, const core::Placement& placement) {
  const bool on_gpus = says(words, kOfGpus);
  const bool on_host = says(words, kOfHost);
  std::vector<DeviceId> devices;
  for (const core::DeviceBytes& share : placement) {
    if ((on_host && share.device == kHost) || (on_gpus && is_gpu(share.device))) devices.push_back(share.device);
  }
  return devices;
}

}  // namespace rouse::daemon
