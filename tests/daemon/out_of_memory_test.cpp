#include "daemon/out_of_memory.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

constexpr DeviceId kGpu0{1};
constexpr DeviceId kGpu1{2};
const core::Placement kBoth{{kHost, Bytes{1}}, {kGpu0, Bytes{1}}, {kGpu1, Bytes{1}}, {kFirstGroup, Bytes{1}}};

TEST_CASE("the kernel's kill is for lack of the host's memory") {
  CHECK(ran_out("out of memory: killed by the kernel\nloading", kBoth) == std::vector{kHost});
  CHECK(ran_out("exited with code 1\nMemoryError", kBoth) == std::vector{kHost});
  CHECK(ran_out("killed by signal 6 (Aborted)\nterminate called after throwing 'std::bad_alloc'", kBoth) ==
        std::vector{kHost});
}

TEST_CASE("what CUDA says is of the GPUs that the worker was given") {
  CHECK(ran_out("exited with code 1\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", kBoth) ==
        std::vector{kGpu0, kGpu1});
  CHECK(ran_out("exited with code 1\ncudaMalloc failed: out of memory", {{kHost, Bytes{1}}}).empty());
}

TEST_CASE("any other end is not for lack of memory") {
  CHECK(ran_out("exited with code 1\nfile not found", kBoth).empty());
  CHECK(ran_out("killed by signal 9 (Killed)\nremember: memory", kBoth).empty());
}

}  // namespace
}  // namespace rouse::daemon
