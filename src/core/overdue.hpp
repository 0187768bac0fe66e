// What stands: loads, unloads and waiting requests that have taken longer than their history and their time-outs
// explain. The scheduler bounds each of them with a timer, so whatever is overdue says that something which had to
// happen did not: a timer that never fired, an event that was lost, a decision that was never made.
//
// A request that waits is explained while its model loads, while anything is on its way out, while anybody holds a
// lease (a lease may be long), while a back-off runs, and while others hold the memory. A long wait for one of these is
// no fault of ours. Pure; over a const view.
#pragma once

#include <string_view>
#include <vector>

#include "core/view.hpp"

namespace rouse::core {

enum class Standing : std::uint8_t {
  loading,    // past the time-out of the load
  draining,   // nobody uses it, or its deadline is past, and it does not stop
  sleeping,   // past its grace
  waking,     // past the time-out of the load
  stopping,   // past its grace, or past being killed
  returning,  // its process is gone, and nobody has said whether its bytes are back
  waiting,    // a request past its deadline, or that could be served
};

std::string_view name(Standing standing);

struct Overdue {
  Standing what = Standing::waiting;
  ModelId model;
  TimePoint since;
  TimePoint explained_until;
};

// What a busy machine may be late by before anything is called overdue.
inline constexpr Duration kOverdueMargin = std::chrono::seconds(5);

// Ascending by model, each model and standing once.
std::vector<Overdue> overdue(const View& view, TimePoint now);

}  // namespace rouse::core
