// What a client may ask of a model's life with one request, in whatever dialect:
//
//   X-Rouse-Keep: 0 | 5m | forever           how long the model stays after the answer
//   X-Rouse-Priority: low | normal | high    who goes first
//   X-Rouse-Deadline: 30s                    from the request's arrival
//   X-Rouse-Load: only-if-ready              rather be refused than wait
//
// Pure.
#pragma once

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
  core::Priority priority = core::Priority::normal;
  std::optional<Duration> deadline;
  core::Patience patience = core::Patience::may_wait;
};

// Fails with malformed, naming the header and what it may say.
Result<LifecycleOptions> read_lifecycle_options(const http::RequestHead& head);

}  // namespace rouse::api
