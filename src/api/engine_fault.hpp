// What a client is told when the engine that was to answer it did not, or not to the end. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "api/fault.hpp"
#include "base/result.hpp"
#include "core/events.hpp"
#include "daemon/ticket.hpp"

namespace rouse::api {

// `worker_end`: how the worker ended and what it last wrote; empty: it lives, as far as is known.
Fault engine_fault(const Error& error, std::optional<daemon::Cut> cut, bool remote, std::string_view model,
                   std::string_view worker_end);

// What an engine says it cannot do (501) is no fault of its worker's, and asking again is of no use.
inline constexpr int kNotImplemented = 501;
inline core::Outcome outcome_of(int status) {
  return status < 500 || status == kNotImplemented ? core::Outcome::ok : core::Outcome::failed;
}

// A worker's sockets close some moments before the end of its process is known.
inline constexpr Duration kDeathNoticed = std::chrono::seconds(1);       // when its request may be asked of another
inline constexpr Duration kEndNoticed = std::chrono::milliseconds(200);  // when it is only to be told of

}  // namespace rouse::api
