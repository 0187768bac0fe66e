#include "daemon/circuit_breaker.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;
using enum CircuitBreaker::State;
using enum CircuitBreaker::Verdict;

constexpr TimePoint kStart{};
const Error kRefused{Code::upstream_failed, "it cannot be reached", "127.0.0.1:1: connection refused"};

bool fail(CircuitBreaker& breaker, TimePoint now) {
  const auto pass = breaker.enter(now);
  REQUIRE(pass);
  return breaker.leave(*pass, fails, now, kRefused);
}

CircuitBreaker opened(TimePoint now) {
  CircuitBreaker breaker;
  for (int i = 0; i < CircuitBreaker::kFailures; ++i) fail(breaker, now);
  REQUIRE(breaker.state() == open);
  return breaker;
}

TEST_CASE("five failures in a row open it, and the fifth says so") {
  CircuitBreaker breaker;
  for (int i = 0; i < 4; ++i) CHECK_FALSE(fail(breaker, kStart));
  CHECK(breaker.state() == closed);
  CHECK(fail(breaker, kStart));
  CHECK(breaker.state() == open);
  CHECK(breaker.failures() == 5);
  CHECK(breaker.last_failure().context == kRefused.context);
}

TEST_CASE("an answer in between begins the row anew") {
  CircuitBreaker breaker;
  for (int i = 0; i < 4; ++i) fail(breaker, kStart);
  CHECK_FALSE(breaker.leave(*breaker.enter(kStart), answers, kStart));
  for (int i = 0; i < 4; ++i) fail(breaker, kStart);
  CHECK(breaker.state() == closed);
}

TEST_CASE("one that found nothing out neither counts nor begins the row anew") {
  CircuitBreaker breaker;
  for (int i = 0; i < 4; ++i) fail(breaker, kStart);
  CHECK_FALSE(breaker.leave(*breaker.enter(kStart), nothing, kStart));
  CHECK(breaker.state() == closed);
  CHECK(fail(breaker, kStart));
}

TEST_CASE("an open one lets nobody through before its pause is over, and then one alone") {
  CircuitBreaker breaker = opened(kStart);
  CHECK(breaker.retry_at() == kStart + 1s);
  CHECK_FALSE(breaker.enter(kStart + 999ms));
  CHECK(breaker.enter(kStart + 1s));
  CHECK(breaker.state() == half_open);
  CHECK_FALSE(breaker.enter(kStart + 1s));
  CHECK_FALSE(breaker.enter(kStart + 1h));
}

TEST_CASE("each one that fails doubles the pause, up to a minute") {
  CircuitBreaker breaker = opened(kStart);
  TimePoint now = kStart;
  for (const Duration pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    CHECK(breaker.retry_at() == now + pause);
    now = breaker.retry_at();
    CHECK_FALSE(fail(breaker, now));
    CHECK(breaker.state() == open);
  }
}

TEST_CASE("its answer closes it and makes the next pause short again") {
  CircuitBreaker breaker = opened(kStart);
  fail(breaker, kStart + 1s);
  CHECK(breaker.leave(*breaker.enter(kStart + 3s), answers, kStart + 3s));
  CHECK(breaker.state() == closed);
  CHECK(breaker.enter(kStart + 3s));
  for (int i = 0; i < 5; ++i) fail(breaker, kStart + 4s);
  CHECK(breaker.retry_at() == kStart + 5s);
}

TEST_CASE("when it finds nothing out the next one is let through at once") {
  CircuitBreaker breaker = opened(kStart);
  CHECK_FALSE(breaker.leave(*breaker.enter(kStart + 1s), nothing, kStart + 2s));
  CHECK(breaker.state() == open);
  CHECK(breaker.enter(kStart + 2s));
}

TEST_CASE("those that were asked before it opened do not decide for the one that is let through") {
  CircuitBreaker breaker;
  const auto early = *breaker.enter(kStart);
  for (int i = 0; i < 5; ++i) fail(breaker, kStart);
  CHECK_FALSE(breaker.leave(early, fails, kStart + 500ms, kRefused));
  CHECK(breaker.retry_at() == kStart + 1s);
  REQUIRE(breaker.enter(kStart + 1s));
  CHECK_FALSE(breaker.leave(early, fails, kStart + 1s, kRefused));
  CHECK_FALSE(breaker.leave(early, nothing, kStart + 1s));
  CHECK(breaker.state() == half_open);
  CHECK(breaker.leave(early, answers, kStart + 1s));  // but an answer is one
  CHECK(breaker.state() == closed);
}

}  // namespace
}  // namespace rouse::daemon
