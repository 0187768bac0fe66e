// NVML, the library of NVIDIA's driver that tells what its GPUs hold. Opened at run time by its name and never linked:
// one binary, with or without a GPU.
//
// The declarations are our own, of the documented C interface; layouts and numbers are those of NVML's reference. One
// thread at a time; every call may take long, or for ever, where the driver hangs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace rouse::system {

namespace nvml {

using Return = int;  // nvmlReturn_t
inline constexpr Return kSuccess = 0;
inline constexpr Return kNotSupported = 3;
inline constexpr Return kInsufficientSize = 7;
inline constexpr Return kFunctionNotFound = 13;

using Device = struct DeviceBody*;  // nvmlDevice_t

struct Memory {  // nvmlMemory_t
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;  // what the driver reserves for itself included
};
struct MemoryV2 {  // nvmlMemory_v2_t
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;  // by the driver and the firmware
  unsigned long long free;
  unsigned long long used;  // without what is reserved
};
inline constexpr unsigned int kMemoryV2 = sizeof(MemoryV2) | (2U << 24U);

struct ProcessInfo {  // nvmlProcessInfo_t of the calls that end in _v2 and _v3
  unsigned int pid;
  unsigned long long used;
  unsigned int gpu_instance;
  unsigned int compute_instance;
};
inline constexpr unsigned long long kNotAvailable = ~0ULL;  // NVML_VALUE_NOT_AVAILABLE
inline constexpr unsigned int kTextSize = 96;               // of a UUID, and of a name

}  // namespace nvml

// One opened driver library. Moving it is all that can be done besides calling it.
class Nvml {
 public:
  // Opens the library and starts it. not_found where there is none; unavailable where it does not start.
  static Result<Nvml> open(const std::string& library);

  struct Memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long reserved;  // by the driver, as far as it tells; used, too
  };

  Result<unsigned int> count() const;
  Result<nvml::Device> device(unsigned int index) const;
  Result<std::string> uuid(nvml::Device device) const;
  Result<std::string> name(nvml::Device device) const;
  Result<Memory> memory(nvml::Device device) const;
  bool is_divided(nvml::Device device) const;  // into instances (MIG)
  // That compute, and that draw.
  Result<std::vector<nvml::ProcessInfo>> computing(nvml::Device device) const;
  Result<std::vector<nvml::ProcessInfo>> drawing(nvml::Device device) const;

 private:
  struct Closer {
    void operator()(void* library) const;
  };
  struct Calls {
    nvml::Return (*init)() = nullptr;
    const char* (*error_string)(nvml::Return) = nullptr;
    nvml::Return (*count)(unsigned int*) = nullptr;
    nvml::Return (*handle_by_index)(unsigned int, nvml::Device*) = nullptr;
    nvml::Return (*uuid)(nvml::Device, char*, unsigned int) = nullptr;
    nvml::Return (*name)(nvml::Device, char*, unsigned int) = nullptr;
    nvml::Return (*memory)(nvml::Device, nvml::Memory*) = nullptr;
    nvml::Return (*memory_v2)(nvml::Device, nvml::MemoryV2*) = nullptr;              // may be absent
    nvml::Return (*mig_mode)(nvml::Device, unsigned int*, unsigned int*) = nullptr;  // likewise
    using Processes = nvml::Return (*)(nvml::Device, unsigned int*, nvml::ProcessInfo*);
    Processes computing = nullptr;
    Processes drawing = nullptr;
  };

  Error error(std::string_view what, nvml::Return code) const;
  Result<std::vector<nvml::ProcessInfo>> processes(std::string_view what, Calls::Processes call,
                                                   nvml::Device device) const;

  std::unique_ptr<void, Closer> library_;
  Calls calls_;
};

}  // namespace rouse::system
