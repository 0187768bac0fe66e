#include "daemon/out_of_memory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace rouse::daemon {
namespace {

constexpr DeviceId kGpu0{1};
constexpr DeviceId kGpu1{2};
const core::Placement kBoth{{kHost, Bytes{1}}, {kGpu0, Bytes{1}}, {kGpu1, Bytes{1}}, {kFirstGroup, Bytes{1}}};

TEST_CASE("the kernel's kill is for lack of the host's memory") {
  CHECK(ran_out("out of memory: killed by the kernel\nloading", kBoth, false) == std::vector{kHost});
  CHECK(ran_out("exited with code 1\nMemoryError", kBoth, false) == std::vector{kHost});
  CHECK(ran_out("killed by signal 6 (Aborted)\nterminate called after throwing 'std::bad_alloc'", kBoth, false) ==
        std::vector{kHost});
}

TEST_CASE("what CUDA says is of the GPUs that the worker was given") {
  CHECK(ran_out("exited with code 1\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", kBoth,
                false) == std::vector{kGpu0, kGpu1});
  CHECK(ran_out("exited with code 1\ncudaMalloc failed: out of memory", {{kHost, Bytes{1}}}, false).empty());
}

TEST_CASE("what others say of a GPU's memory is understood, too") {
  for (const char* line :
       {"CUDA failure 2: out of memory ; GPU=0", "RuntimeError: CUDA driver error: out of memory",
        "torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)",
        "terminate called: cudaErrorMemoryAllocation: out of memory",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes",
        "ResourceExhaustedError: OOM when allocating tensor with shape[8192]",
        "ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory"}) {
    CAPTURE(line);
    CHECK(ran_out(std::string("exited with code 1\n") + line, kBoth, false) == std::vector{kGpu0, kGpu1});
  }
  CHECK(ran_out("exited with code 1\nout of memory on CUDA day", kBoth, false).empty());
}

TEST_CASE("where memory is short, whoever kills does it for that") {
  CHECK(ran_out("killed by signal 9 (Killed)\nloading", kBoth, true) == std::vector{kHost});
  CHECK(ran_out("killed by signal 11 (Segmentation fault)\nkilled by signal 9", kBoth, true).empty());
}

TEST_CASE("any other end is not for lack of memory") {
  CHECK(ran_out("exited with code 1\nfile not found", kBoth, false).empty());
  CHECK(ran_out("killed by signal 9 (Killed)\nremember: memory", kBoth, false).empty());
}

}  // namespace
}  // namespace rouse::daemon
