// Errors on their way to a client: the one table from Code to HTTP status, whether trying again is of any use, and
// when. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "core/effects.hpp"

namespace rouse::api {

enum class Retry : std::uint8_t {
  never,  // the same request fails for ever: x-should-retry: false
  later,  // Retry-After
  maybe,  // the client decides
};

// One row for each Code: what it is called in each dialect.
struct FaultKind {
  int status;
  Retry retry;
  std::string_view name;         // in ours
  std::string_view openai_type;  // in OpenAI's
  std::string_view openai_code;
};
const FaultKind& kind(Code code);

struct Fault {
  Error error;
  std::string_view param = {};               // the request's field that is at fault
  std::optional<Duration> retry_after = {};  // otherwise what is usual for the code

  Fault(Error what) : error(std::move(what)) {}  // NOLINT(google-explicit-constructor): every Error is one
  Fault(Error what, std::string_view where) : error(std::move(what)), param(where) {}

  int status() const { return kind(error.code).status; }
};

// A refusal of the core; `error` is what the daemon says of it.
Fault to_fault(Error error, const core::Refusal& refusal, TimePoint now);

// Whole seconds for Retry-After, from 1 to 60; nothing if the header does not belong there.
std::optional<long> retry_after_seconds(const Fault& fault);

}  // namespace rouse::api
