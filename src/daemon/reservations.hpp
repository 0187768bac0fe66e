// Bytes of a device for a program outside Rouse, for a while: who asked, who has them, and when that ends.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "core/model.hpp"
#include "daemon/status.hpp"

namespace rouse::daemon {

struct ReservationWish {
  DeviceId device;
  Bytes bytes;
  core::Priority priority = core::Priority::normal;
  std::optional<TimePoint> deadline;  // refused if it still waits then; otherwise the configured one
  std::optional<Duration> lasts;      // once granted; without it, until it is given back or `pid` ends
  std::optional<int> pid;             // what this process and those below it use is its; it ends with this process
  ClientId client;
  std::string holder;  // who asked: a key's name, or an address
};

struct ReservationStatus {
  std::uint64_t id = 0;
  std::string device;
  Bytes bytes;
  core::Priority priority = core::Priority::normal;
  std::string holder;
  std::optional<int> pid;
  WallTime asked_at;
  std::optional<WallTime> granted_at;  // nothing while it waits
  std::optional<WallTime> expires_at;
};

enum class ReservationStep : std::uint8_t {
  queued,
  granted,
  refused,    // or whoever asked has left
  expired,    // its time is over, or we shut down
  abandoned,  // its process has ended
  returned,
};
std::string_view name(ReservationStep step);

}  // namespace rouse::daemon
