// A driver library with NVML's C interface, for tests: what its GPUs are and hold stands in the file that
// ROUSE_FAKE_DRIVER names, read anew at each call. Its declarations are its own, written from NVML's reference, so that
// a mistake in the product's is seen.
//
//   init 9                        nvmlInit_v2 fails with this number
//   count 15                      nvmlDeviceGetCount_v2 likewise
//   hangs                         every call hangs while this line is there
//   gpu UUID TOTAL RESERVED NAME  one more GPU, in bytes; what follows is about it
//     fails 15                    whatever is asked of it
//     mig                         it is divided into instances
//     without-bytes               it says of no process how much it holds
//     hidden                      it lists no process
//     process PID BYTES           computes there; counts while the process is there
//     graphics PID BYTES          draws there
//     loose BYTES                 taken by nobody that is listed
//     holders FOLDER              each file FOLDER/PID says in a line how many bytes that process holds
//     lingers                     what processes held that have ended stays taken, without being listed
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

extern "C" {

struct nvmlMemory_t {
  unsigned long long total, free, used;
};
struct nvmlMemory_v2_t {
  unsigned int version;
  unsigned long long total, reserved, free, used;
};
struct nvmlProcessInfo_t {
  unsigned int pid;
  unsigned long long usedGpuMemory;
  unsigned int gpuInstanceId, computeInstanceId;
};
using nvmlReturn_t = int;
using nvmlDevice_t = std::uintptr_t;  // 1 and upwards
}

namespace {

constexpr nvmlReturn_t kSuccess = 0, kUninitialized = 1, kInvalidArgument = 2, kInsufficientSize = 7, kMismatch = 25;
constexpr unsigned long long kNotAvailable = static_cast<unsigned long long>(-1);
bool initialized = false;

struct Process {
  unsigned int pid;
  unsigned long long bytes;
  bool draws, there;
};
struct Gpu {
  std::string uuid, name;
  unsigned long long total = 0, reserved = 0, loose = 0;
  int fails = 0;
  bool mig = false, without_bytes = false, hidden = false, lingers = false;
  std::vector<Process> processes;

  unsigned long long used() const {
    unsigned long long sum = loose;
    for (const Process& process : processes) sum += process.there || lingers ? process.bytes : 0;
    return sum;
  }
};
struct World {
  int init = 0, count = 0;
  bool hangs = false;
  std::vector<Gpu> gpus;
};

bool is_there(unsigned int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const auto end = text.rfind(')');
  return end != text.npos && end + 2 < text.size() && text[end + 2] != 'Z' && text[end + 2] != 'X';
}

void add_holders(Gpu& gpu, const std::string& folder) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(folder, ignored)) {
    unsigned long long bytes = 0;
    const auto pid = static_cast<unsigned int>(std::atoi(file.path().filename().c_str()));
    if (std::ifstream(file.path()) >> bytes) gpu.processes.push_back({pid, bytes, false, is_there(pid)});
  }
}

World read_world() {
  World world;
  const char* const path = std::getenv("ROUSE_FAKE_DRIVER");
  std::ifstream file(path ? path : "");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what, text;
    words >> what;
    if (what == "init") words >> world.init;
    if (what == "count") words >> world.count;
    if (what == "hangs") world.hangs = true;
    if (what == "gpu") {
      Gpu gpu;
      words >> gpu.uuid >> gpu.total >> gpu.reserved >> std::ws;
      std::getline(words, gpu.name);
      world.gpus.push_back(gpu);
    }
    if (world.gpus.empty()) continue;
    Gpu& gpu = world.gpus.back();
    if (what == "fails") words >> gpu.fails;
    if (what == "mig") gpu.mig = true;
    if (what == "without-bytes") gpu.without_bytes = true;
    if (what == "hidden") gpu.hidden = true;
    if (what == "lingers") gpu.lingers = true;
    if (what == "loose") words >> gpu.loose;
    if (what == "holders" && words >> text) add_holders(gpu, text);
    if (what == "process" || what == "graphics") {
      Process process{0, 0, what == "graphics", false};
      words >> process.pid >> process.bytes;
      process.there = is_there(process.pid);
      gpu.processes.push_back(process);
    }
  }
  return world;
}

World look() {
  for (;;) {
    World world = read_world();
    if (!world.hangs) return world;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// Calls `answer` with the GPU, where it can be asked.
template <class Answer>
nvmlReturn_t ask(nvmlDevice_t device, Answer answer) {
  if (!initialized) return kUninitialized;
  const World world = look();
  if (device < 1 || device > world.gpus.size()) return kInvalidArgument;
  const Gpu& gpu = world.gpus[device - 1];
  return gpu.fails ? gpu.fails : answer(gpu);
}

nvmlReturn_t give(const std::string& text, char* into, unsigned int length) {
  if (text.size() >= length) return kInsufficientSize;
  std::memcpy(into, text.c_str(), text.size() + 1);
  return kSuccess;
}

nvmlReturn_t list(nvmlDevice_t device, unsigned int* count, nvmlProcessInfo_t* infos, bool draws) {
  return ask(device, [&](const Gpu& gpu) {
    std::vector<nvmlProcessInfo_t> found;
    for (const Process& process : gpu.processes) {
      if (gpu.hidden || !process.there || process.draws != draws) continue;
      const auto bytes = gpu.without_bytes ? kNotAvailable : process.bytes;
      found.push_back({process.pid, bytes, 0xFFFFFFFF, 0xFFFFFFFF});
    }
    const bool fits = found.size() <= *count;
    *count = static_cast<unsigned int>(found.size());
    if (!fits) return kInsufficientSize;
    for (const auto& info : found) *infos++ = info;
    return kSuccess;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlInit_v2() {
  const World world = look();
  initialized = world.init == 0;
  return world.init;
}

const char* nvmlErrorString(nvmlReturn_t code) {
  switch (code) {
    case 1: return "Uninitialized";
    case 3: return "Not Supported";
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    default: return "Unknown Error";
  }
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int* count) {
  const World world = look();
  *count = static_cast<unsigned int>(world.gpus.size());
  return initialized ? world.count : kUninitialized;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t* device) {
  *device = index + 1;
  return ask(*device, [](const Gpu&) { return kSuccess; });
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid, unsigned int length) {
  return ask(device, [&](const Gpu& gpu) { return give(gpu.uuid, uuid, length); });
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned int length) {
  return ask(device, [&](const Gpu& gpu) { return give(gpu.name, name, length); });
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t* memory) {
  return ask(device, [&](const Gpu& gpu) {
    const auto used = gpu.used() + gpu.reserved;
    *memory = {gpu.total, gpu.total - used, used};
    return kSuccess;
  });
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t* memory) {
  if (memory->version != (sizeof(nvmlMemory_v2_t) | (2U << 24U))) return kMismatch;
  return ask(device, [&](const Gpu& gpu) {
    memory->total = gpu.total;
    memory->reserved = gpu.reserved;
    memory->used = gpu.used();
    memory->free = gpu.total - gpu.reserved - gpu.used();
    return kSuccess;
  });
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int* now, unsigned int* pending) {
  return ask(device, [&](const Gpu& gpu) {
    *now = *pending = gpu.mig ? 1 : 0;
    return kSuccess;
  });
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int* count,
                                                     nvmlProcessInfo_t* infos) {
  return list(device, count, infos, false);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int* count,
                                                      nvmlProcessInfo_t* infos) {
  return list(device, count, infos, true);
}
}
