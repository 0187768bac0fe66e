#include "system/nvml.hpp"

#include <dlfcn.h>

#include <array>
#include <format>
#include <string_view>
#include <utility>

namespace rouse::system {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(::dlsym(library, name));
  return into != nullptr;
}

}  // namespace

// It stays in memory (RTLD_NODELETE) and is not shut down: a driver that hangs would take us with it.
void Nvml::Closer::operator()(void* library) const { ::dlclose(library); }

Error Nvml::error(std::string_view what, nvml::Return code) const {
  const char* const words = calls_.error_string(code);
  return {Code::unavailable, words ? words : "the driver reports an error", std::format("{}: error {}", what, code)};
}

Result<Nvml> Nvml::open(const std::string& library) {
  Nvml nvml;
  nvml.library_.reset(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
  void* const opened = nvml.library_.get();
  if (!opened) return fail(Code::not_found, std::format("there is no {}", library), ::dlerror());
  Calls& calls = nvml.calls_;
  const bool whole = find(opened, "nvmlInit_v2", calls.init) && find(opened, "nvmlErrorString", calls.error_string) &&
                     find(opened, "nvmlDeviceGetCount_v2", calls.count) &&
                     find(opened, "nvmlDeviceGetHandleByIndex_v2", calls.handle_by_index) &&
                     find(opened, "nvmlDeviceGetUUID", calls.uuid) && find(opened, "nvmlDeviceGetName", calls.name) &&
                     find(opened, "nvmlDeviceGetMemoryInfo", calls.memory);
  if (!whole) return fail(Code::unavailable, std::format("{} is no driver library that we know", library));
  (void)find(opened, "nvmlDeviceGetMemoryInfo_v2", calls.memory_v2);
  (void)find(opened, "nvmlDeviceGetMigMode", calls.mig_mode);
  for (const char* name : {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"}) {
    if (!calls.computing) (void)find(opened, name, calls.computing);
  }
  for (const char* name : {"nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2"}) {
    if (!calls.drawing) (void)find(opened, name, calls.drawing);
  }
  if (const nvml::Return code = calls.init(); code != nvml::kSuccess)
    return std::unexpected(nvml.error("nvmlInit_v2", code));
  return nvml;
}

Result<unsigned int> Nvml::count() const {
  unsigned int count = 0;
  if (const auto code = calls_.count(&count); code != nvml::kSuccess)
    return std::unexpected(error("nvmlDeviceGetCount_v2", code));
  return count;
}

Result<nvml::Device> Nvml::device(unsigned int index) const {
  nvml::Device device = nullptr;
  if (const auto code = calls_.handle_by_index(index, &device); code != nvml::kSuccess)
    return std::unexpected(error("nvmlDeviceGetHandleByIndex_v2", code));
  return device;
}

Result<std::string> Nvml::uuid(nvml::Device device) const {
  std::array<char, nvml::kTextSize> text{};
  if (const auto code = calls_.uuid(device, text.data(), nvml::kTextSize); code != nvml::kSuccess)
    return std::unexpected(error("nvmlDeviceGetUUID", code));
  text.back() = '\0';
  return std::string(text.data());
}

Result<std::string> Nvml::name(nvml::Device device) const {
  std::array<char, nvml::kTextSize> text{};
  if (const auto code = calls_.name(device, text.data(), nvml::kTextSize); code != nvml::kSuccess)
    return std::unexpected(error("nvmlDeviceGetName", code));
  text.back() = '\0';
  return std::string(text.data());
}

Result<Nvml::Memory> Nvml::memory(nvml::Device device) const {
  if (calls_.memory_v2) {
    nvml::MemoryV2 memory{};
    memory.version = nvml::kMemoryV2;
    if (calls_.memory_v2(device, &memory) == nvml::kSuccess)
      return Memory{.total = memory.total, .free = memory.free, .reserved = memory.reserved};
  }
  nvml::Memory memory{};
  if (const auto code = calls_.memory(device, &memory); code != nvml::kSuccess)
    return std::unexpected(error("nvmlDeviceGetMemoryInfo", code));
  return Memory{.total = memory.total, .free = memory.free, .reserved = 0};
}

bool Nvml::is_divided(nvml::Device device) const {
  unsigned int now = 0;
  unsigned int after_reset = 0;
  return calls_.mig_mode && calls_.mig_mode(device, &now, &after_reset) == nvml::kSuccess && now != 0;
}

Result<std::vector<nvml::ProcessInfo>> Nvml::processes(std::string_view what, Calls::Processes call,
                                                       nvml::Device device) const {
  if (!call) return std::unexpected(error(what, nvml::kFunctionNotFound));
  std::vector<nvml::ProcessInfo> found(16);
  for (int attempt = 0; attempt < 5; ++attempt) {  // there may be more of them by then
    auto count = static_cast<unsigned int>(found.size());
    const auto code = call(device, &count, found.data());
    if (code == nvml::kSuccess) {
      found.resize(count);
      return found;
    }
    if (code != nvml::kInsufficientSize) return std::unexpected(error(what, code));
    found.resize(count + 16);
  }
  return std::unexpected(error(what, nvml::kInsufficientSize));
}

Result<std::vector<nvml::ProcessInfo>> Nvml::computing(nvml::Device device) const {
  return processes("nvmlDeviceGetComputeRunningProcesses", calls_.computing, device);
}

Result<std::vector<nvml::ProcessInfo>> Nvml::drawing(nvml::Device device) const {
  return processes("nvmlDeviceGetGraphicsRunningProcesses", calls_.drawing, device);
}

}  // namespace rouse::system
