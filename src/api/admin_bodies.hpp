// The small bodies that come in on our own routes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "core/model.hpp"

namespace rouse::api {

// An empty body means {}. Fail with malformed for what is no such object, an unknown key included.
struct LoadRequest {
  bool wait = true;
};
struct UnloadRequest {
  bool force = false;
};
struct ReloadRequest {};
// {"device":"gpu0","bytes":"8GiB","seconds":600,"priority":"normal","wait":true,"pid":4711}; bytes may be a number.
// Without seconds or pid it would never end: one of them has to be there.
struct ReservationRequest {
  std::string device;
  Bytes bytes;
  std::optional<Duration> lasts;
  std::optional<core::Priority> priority;
  std::optional<int> pid;
  bool wait = true;
};
Result<ReservationRequest> read_reservation_request(std::string_view body);
Result<LoadRequest> read_load_request(std::string_view body);
Result<UnloadRequest> read_unload_request(std::string_view body);
Result<ReloadRequest> read_reload_request(std::string_view body);

}  // namespace rouse::api
