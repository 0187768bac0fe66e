#include "daemon/circuit_breaker.hpp"

#include <algorithm>
#include <utility>

namespace rouse::daemon {

std::string_view name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::closed: return "closed";
    case CircuitBreaker::State::open: return "open";
    case CircuitBreaker::State::half_open: return "half_open";
  }
  std::unreachable();
}

std::optional<CircuitBreaker::Pass> CircuitBreaker::enter(TimePoint now) {
  switch (state_) {
    case State::closed: return Pass{};
    case State::half_open: return std::nullopt;
    case State::open: break;
  }
  if (now < retry_at_) return std::nullopt;
  state_ = State::half_open;
  return Pass{++probe_};
}

bool CircuitBreaker::leave(Pass pass, Verdict verdict, TimePoint now, Error why) {
  switch (verdict) {
    case Verdict::nothing:
      if (state_ == State::half_open && pass.probe == probe_) state_ = State::open;  // the next one finds out
      return false;
    case Verdict::answers:
      failures_ = 0;
      pause_ = kFirstPause;
      return std::exchange(state_, State::closed) != State::closed;
    case Verdict::fails: break;
  }
  last_failure_ = std::move(why);
  return fail(pass, now);
}

bool CircuitBreaker::fail(Pass pass, TimePoint now) {
  ++failures_;
  if (state_ == State::closed) {
    if (failures_ < kFailures) return false;
    pause_ = kFirstPause;
    retry_at_ = later(now, pause_);
    state_ = State::open;
    return true;
  }
  // One that was asked before the circuit opened tells nothing new.
  if (state_ != State::half_open || pass.probe != probe_) return false;
  pause_ = std::min(2 * pause_, kLongestPause);
  retry_at_ = later(now, pause_);
  state_ = State::open;
  return false;
}

}  // namespace rouse::daemon
