// What a client is told when the engine that was to answer it did not, or not to the end. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "api/fault.hpp"
#include "base/result.hpp"
#include "core/events.hpp"
#include "daemon/ticket.hpp"

namespace rouse::api {

Fault engine_fault(const Error& error, std::optional<daemon::Cut> cut, bool remote, std::string_view model);

// What an engine says it cannot do (501) is no fault of its worker's, and asking again is of no use.
inline constexpr int kNotImplemented = 501;
inline core::Outcome outcome_of(int status) {
  return status < 500 || status == kNotImplemented ? core::Outcome::ok : core::Outcome::failed;
}

// A worker's sockets close some moments before the end of its process is known.
inline constexpr Duration kDeathNoticed = std::chrono::seconds(1);

}  // namespace rouse::api
