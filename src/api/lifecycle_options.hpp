// What a client may ask of a model's life with one request, in whatever dialect:
//
//   X-Rouse-Keep: 0 | 5m | forever           how long the model stays after the answer
//   X-Rouse-Priority: low | normal | high    who goes first
//   X-Rouse-Deadline: 30s                    from the request's arrival
//   X-Rouse-Load: only-if-ready              rather be refused than wait
//
// or, where its body has fields, in them (see request_body.hpp). Pure.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "core/events.hpp"
#include "core/model.hpp"
#include "http/head.hpp"

namespace rouse::api {

struct LifecycleOptions {
  std::optional<core::Keep> keep;
  std::optional<core::Priority> priority;
  std::optional<Duration> deadline;
  core::Patience patience = core::Patience::may_wait;
};

std::optional<core::Priority> parse_priority(std::string_view text);

// Fails with malformed, naming the header and what it may say.
Result<LifecycleOptions> read_lifecycle_options(const http::RequestHead& head);

inline constexpr std::array<std::string_view, 3> kLifecycleFields{"keep_alive", "priority", "deadline"};

// The value of one of these fields, a number or the text of a string. Fails with malformed, naming the field; false: it
// is the engine's own affair.
Result<bool> read_lifecycle_field(std::string_view name, std::string_view value, LifecycleOptions& into);

// What the headers and the body ask for together. Fails with malformed when they contradict each other.
Result<LifecycleOptions> combined(const LifecycleOptions& headers, const LifecycleOptions& body);

}  // namespace rouse::api
