// The requests that wait for one model: by priority, then fair between clients, then by arrival; whoever is past
// patience goes by arrival, before all others.
//
// It also knows the model's waiting age, which survives gaps shorter than patience: a client that gives up and
// comes back is not for ever new.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/events.hpp"
#include "core/model.hpp"

namespace rouse::core {

struct Waiter {
  RequestId request;
  ClientId client;
  Priority priority = Priority::normal;
  Origin origin = Origin::client;
  Patience patience = Patience::may_wait;
  std::uint64_t arrival = 0;  // rises with every request the scheduler has seen
  TimePoint since;
  TimePoint deadline;
  std::optional<Keep> keep;
};

class Queue {
 public:
  bool empty() const { return waiters_.empty(); }
  std::size_t size() const { return waiters_.size(); }
  const std::deque<Waiter>& waiters() const { return waiters_; }  // by arrival

  void push(const Waiter& waiter, Duration patience);
  // Who goes next; the queue must not be empty.
  Waiter pop(TimePoint now, Duration patience);
  // In which order pop() would take those who wait, if all of them went now.
  std::vector<RequestId> order(TimePoint now, Duration patience) const;
  bool erase(RequestId request, TimePoint now);
  // Those whose deadline has come, by arrival.
  std::vector<Waiter> expire(TimePoint now);
  std::vector<Waiter> clear(TimePoint now);
  // Those who asked only for a ready worker, by arrival.
  std::vector<Waiter> take_only_if_ready(TimePoint now);

  // No waiter's deadline is earlier; kNever when nobody waits.
  TimePoint next_deadline() const { return waiters_.empty() ? kNever : earliest_deadline_; }
  std::optional<Priority> best_priority() const;
  bool has_operator() const { return operators_ > 0; }
  bool has_arrival_up_to(std::uint64_t arrival) const { return !empty() && waiters_.front().arrival <= arrival; }

  // Since when the model has been waited for; nothing once a gap of `patience` has passed.
  std::optional<TimePoint> waiting_since(TimePoint now, Duration patience) const;
  // The moment at which that age lapses: kNever while somebody waits or when there is none.
  TimePoint age_lapses(Duration patience) const;
  // Whoever still waits has waited since now only: their model was loaded, or drained for another.
  void restart_age(TimePoint now);

 private:
  void count(const Waiter& waiter, int by);
  void left(TimePoint now);

  std::deque<Waiter> waiters_;
  std::array<std::int32_t, 3> by_priority_{};
  std::int32_t operators_ = 0;
  std::int32_t only_if_ready_ = 0;
  std::map<ClientId, std::uint64_t> served_;  // the turn in which a client was last served, while anybody waits
  std::uint64_t turn_ = 0;
  TimePoint earliest_deadline_ = kNever;  // or earlier than that: corrected when it has passed
  std::optional<TimePoint> since_;
  TimePoint empty_since_{};
};

}  // namespace rouse::core
