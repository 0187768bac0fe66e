#include "core/queue.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/fault.hpp"

namespace rouse::core {

void Queue::push(const Waiter& waiter, Duration patience) {
  if (waiters_.empty() && !waiting_since(waiter.since, patience)) since_ = waiter.since;
  earliest_deadline_ = waiters_.empty() ? waiter.deadline : std::min(earliest_deadline_, waiter.deadline);
  waiters_.push_back(waiter);
  count(waiter, +1);
}

Waiter Queue::pop(TimePoint now, Duration patience) {
  auto turn_of = [&](ClientId client) {
    const auto it = served_.find(client);
    return it == served_.end() ? 0 : it->second;
  };
  auto rank = [&](const Waiter& w) {
    const bool patient = later(w.since, patience) <= now;
    return patient ? std::tuple(0, 0, std::uint64_t{0}, w.arrival)
                   : std::tuple(1, -static_cast<int>(w.priority), turn_of(w.client), w.arrival);
  };
  auto next = waiters_.begin();
  // The oldest, if past patience, goes before all others.
  if (waiters_.size() > 1 && later(next->since, patience) > now) next = std::ranges::min_element(waiters_, {}, rank);
  const Waiter chosen = *next;
  waiters_.erase(next);
  count(chosen, -1);
  served_[chosen.client] = ++turn_;
  left(now);
  return chosen;
}

std::vector<RequestId> Queue::order(TimePoint now, Duration patience) const {
  std::vector<RequestId> order;
  order.reserve(waiters_.size());
  std::map<ClientId, std::uint64_t> served = served_;
  std::uint64_t turn = turn_;
  const auto takes = [&](const Waiter& w) {
    order.push_back(w.request);
    served[w.client] = ++turn;
  };
  std::map<std::pair<int, ClientId>, std::deque<const Waiter*>> lines;  // by priority, the highest first
  for (const Waiter& w : waiters_) {
    if (later(w.since, patience) <= now)
      takes(w);
    else
      lines[{-static_cast<int>(w.priority), w.client}].push_back(&w);
  }
  using Next = std::tuple<std::uint64_t, std::uint64_t, std::deque<const Waiter*>*>;  // turn, arrival, whose
  for (auto line = lines.begin(); line != lines.end();) {
    const int priority = line->first.first;
    std::set<Next> nexts;
    for (; line != lines.end() && line->first.first == priority; ++line)
      nexts.emplace(served[line->first.second], line->second.front()->arrival, &line->second);
    while (!nexts.empty()) {
      auto* client = std::get<2>(nexts.extract(nexts.begin()).value());
      takes(*client->front());
      client->pop_front();
      if (!client->empty()) nexts.emplace(turn, client->front()->arrival, client);
    }
  }
  return order;
}

bool Queue::erase(RequestId request, TimePoint now) {
  const auto it = std::ranges::find(waiters_, request, &Waiter::request);
  if (it == waiters_.end()) return false;
  count(*it, -1);
  waiters_.erase(it);
  left(now);
  return true;
}

std::vector<Waiter> Queue::expire(TimePoint now) {
  if (now < next_deadline() || ROUSE_FAULT(waits_past_deadline)) return {};
  std::vector<Waiter> late;
  std::erase_if(waiters_, [&](const Waiter& w) {
    if (w.deadline > now) return false;
    late.push_back(w);
    return true;
  });
  for (const Waiter& w : late) count(w, -1);
  earliest_deadline_ = kNever;
  for (const Waiter& w : waiters_) earliest_deadline_ = std::min(earliest_deadline_, w.deadline);
  left(now);
  return late;
}

std::vector<Waiter> Queue::clear(TimePoint now) {
  std::vector<Waiter> all(waiters_.begin(), waiters_.end());
  if (all.empty()) return all;  // nobody has left, so no age begins to lapse
  waiters_.clear();
  by_priority_ = {};
  operators_ = 0;
  only_if_ready_ = 0;
  left(now);
  return all;
}

std::vector<Waiter> Queue::take_only_if_ready(TimePoint now) {
  std::vector<Waiter> taken;
  if (only_if_ready_ == 0) return taken;
  std::erase_if(waiters_, [&](const Waiter& w) {
    if (w.patience == Patience::may_wait) return false;
    taken.push_back(w);
    return true;
  });
  for (const Waiter& w : taken) count(w, -1);
  left(now);
  return taken;
}

std::optional<Priority> Queue::best_priority() const {
  for (const Priority p : {Priority::high, Priority::normal, Priority::low}) {
    if (by_priority_[static_cast<std::size_t>(p)] > 0) return p;
  }
  return std::nullopt;
}

std::optional<TimePoint> Queue::waiting_since(TimePoint now, Duration patience) const {
  if (waiters_.empty() && later(empty_since_, patience) <= now) return std::nullopt;
  return since_;
}

TimePoint Queue::age_lapses(Duration patience) const {
  return waiters_.empty() && since_ ? later(empty_since_, patience) : kNever;
}

void Queue::restart_age(TimePoint now) {
  since_.reset();
  if (!waiters_.empty()) since_ = now;
}

void Queue::count(const Waiter& waiter, int by) {
  by_priority_[static_cast<std::size_t>(waiter.priority)] += by;
  if (waiter.origin == Origin::operator_) operators_ += by;
  if (waiter.patience == Patience::only_if_ready) only_if_ready_ += by;
}

void Queue::left(TimePoint now) {
  if (!waiters_.empty()) return;
  empty_since_ = now;
  served_.clear();
  turn_ = 0;
}

}  // namespace rouse::core
