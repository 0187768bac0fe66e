#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "daemon/daemon.hpp"

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{};
constexpr std::array kDevices{kHost, DeviceId{1}};

Error told(const core::Refusal& refusal) {
  return to_error(refusal, "chat", kNow, {.devices = kDevices, .group = "pictures", .max_loaded = 2});
}

TEST_CASE("the reason of a failed load goes on as one sentence, and administrators see all of it") {
  const Error error =
      told({.reason = core::Reason::load_failed, .retry_at = kNow + 2s, .detail = "it broke.\n/opt/it"});
  CHECK(error.code == Code::load_failed);
  CHECK(error.message ==
        "model \"chat\" could not be loaded: it broke; it is tried again for a request that comes in 2.0 s");
  CHECK(error.context == "it broke.\n/opt/it");
}

TEST_CASE("a device that the machine lacks is told apart from one that is too small") {
  const auto needing = [](DeviceId device) {
    return told({.reason = core::Reason::too_large, .device = device, .needed = Bytes{2048}, .available = Bytes{}});
  };
  CHECK(needing(DeviceId{10}).message ==
        "model \"chat\" is to be loaded on gpu9, which this machine does not have; it has host, gpu0");
  CHECK(needing(DeviceId{1}).message.contains("needs 2 KiB on gpu0, which can offer 0 B at most"));
  CHECK(needing(DeviceId{10}).code == Code::too_big_for_ever);
}

TEST_CASE("a group that pinned models hold is told by its name and number, not in bytes") {
  const Error error = told({.reason = core::Reason::taken_by_pins, .device = kFirstGroup, .needed = Bytes{1}});
  CHECK(error.code == Code::unavailable);
  CHECK(error.message ==
        "model \"chat\" cannot be loaded: group \"pictures\" has max_loaded 2 and pinned models hold all of it; unpin "
        "one "
        "or try again later");
}

}  // namespace
}  // namespace rouse::daemon
