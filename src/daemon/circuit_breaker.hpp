// Whether another server is asked: after some failures in a row nobody is for a while, and then one request, which
// finds out whether it is back.
//
//             5 failures in a row              the pause is over
//   closed ───────────────────────▶ open ─────────────────────────▶ half open: one request is let through
//      ▲                             ▲                                 │   │
//      │                             └─────── it fails: a longer pause ┘   │
//      └──────────────── an answer, whoever gets it ───────────────────────┘
//
// A value. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace rouse::daemon {

class CircuitBreaker {
 public:
  static constexpr int kFailures = 5;
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::seconds(60);

  enum class State : std::uint8_t { closed, open, half_open };
  // What a request has found out about the server.
  enum class Verdict : std::uint8_t { nothing, answers, fails };
  // Whoever is let through holds one until leave().
  struct Pass {
    std::uint64_t probe = 0;  // which one, of those that were let through alone; 0: it was not
  };

  // Nothing: the server is not to be asked now.
  std::optional<Pass> enter(TimePoint now);
  // True when that has opened or closed the circuit.
  bool leave(Pass pass, Verdict verdict, TimePoint now, Error why = {});

  State state() const { return state_; }
  TimePoint retry_at() const { return retry_at_; }  // of an open one: from when on one request is let through
  const Error& last_failure() const { return last_failure_; }
  int failures() const { return failures_; }  // in a row

 private:
  bool fail(Pass pass, TimePoint now);

  State state_ = State::closed;
  int failures_ = 0;
  Duration pause_ = kFirstPause;
  TimePoint retry_at_{};
  std::uint64_t probe_ = 0;
  Error last_failure_;
};

std::string_view name(CircuitBreaker::State state);

}  // namespace rouse::daemon
