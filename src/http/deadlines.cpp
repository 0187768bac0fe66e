#include "http/deadlines.hpp"

#include <algorithm>
#include <chrono>

namespace rouse::http {

void Deadlines::set(Entry& entry, TimePoint at) {
  entry.unlink();
  entry.at_ = at;
  if (at == kNever) return;
  entries_.push_back(entry);
  if (at < armed_) arm(at);
}

void Deadlines::arm(TimePoint at) {
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) fire();
  });
}

void Deadlines::fire() {
  // The clock's own resolution, and entries that are due together, are worth one round.
  const TimePoint now = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  armed_ = kNever;
  decltype(entries_) due;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto entry = at++;
    if (entry->at_ > now) continue;
    entry->unlink();
    due.push_back(*entry);
  }
  while (!due.empty()) {  // each may destroy others, which then leave the list by themselves
    Entry& entry = due.front();
    due.pop_front();
    entry.on_deadline();
  }
  TimePoint earliest = kNever;
  for (const Entry& entry : entries_) earliest = std::min(earliest, entry.at_);
  if (earliest < armed_) arm(earliest);
}

}  // namespace rouse::http
