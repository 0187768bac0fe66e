// Meters of the GPUs' memory: what each has, and which processes hold how much of it.
//
// One thread at a time, and one of its own: a driver may take long to answer, or hang.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "system/nvml.hpp"

namespace rouse::system {

struct GpuProcess {
  int pid = 0;
  Bytes bytes;
  bool computes = false;    // rather than that it only draws
  std::vector<int> line{};  // itself and its ancestors, the nearest first; empty when it is gone
};

struct Gpu {
  std::string uuid;
  std::string name;
  std::string unavailable;  // why nothing is known of it now; empty: it works
  Bytes total;
  Bytes used;  // by everybody, the driver included
  // Which processes hold it; nothing where the driver does not attribute it: it is divided into instances (MIG), it
  // says of no process how much, or it speaks of processes (or none, of memory that is taken) that we cannot see, as
  // in containers.
  std::optional<std::vector<GpuProcess>> processes;
};

// The driver library's name; ROUSE_DRIVER_LIBRARY in the environment ("NAME=value") names another, for tests.
std::string driver_library(std::span<const std::string> environment);

class GpuMeter {
 public:
  // `root` is where to find /proc (for tests).
  explicit GpuMeter(std::string library, std::filesystem::path root = "/");

  // In the order in which the driver listed them first: a GPU keeps its place, by its UUID. Opens the library first:
  // not_found where there is none, which is normal; unavailable where the driver does not answer as a whole, and then
  // it is opened anew the next time. A GPU that was there before and is not any more is given as unavailable.
  Result<std::vector<Gpu>> read();

 private:
  Gpu read(const Nvml& nvml, unsigned int index) const;
  void recognise(std::vector<Gpu> listed);

  std::string library_;
  std::filesystem::path root_;
  std::optional<Nvml> nvml_;
  std::vector<Gpu> known_;
};

}  // namespace rouse::system
