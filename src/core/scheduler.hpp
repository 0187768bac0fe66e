// The one thing that decides: applies an event, settles, and answers with what is to be done.
//
// Pure: no I/O, no threads, no clock, no logging. Owned by one thread. The same history of (event, now) always
// gives the same effects. `now` never goes backwards.
//
//   step: apply the event, then expire → admit → drain → over-budget → plan until nothing changes.
#pragma once

#include <memory>

#include "core/effects.hpp"
#include "core/events.hpp"
#include "core/policy.hpp"
#include "core/view.hpp"

namespace rouse::core {

class Scheduler {
 public:
  explicit Scheduler(Policy policy = {});
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Applies one event at `now`. Never fails: an event that makes no sense in the present state is answered
  // (a request always is) or ignored (a worker's, when it is no longer current).
  Effects step(const Event& event, TimePoint now);

  // Everything there is to see. Valid until the next step.
  const View& view() const;

  struct Impl;  // scheduler_impl.hpp

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace rouse::core
