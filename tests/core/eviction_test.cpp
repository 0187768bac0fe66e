// Who may be evicted for whom: the list of reasons line by line, each also where the next line would say otherwise.
#include "core/eviction.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <utility>

#include "play.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kNow{1h};

// An idle worker that has been ready for long and was used a minute ago, and a waiter that has just come.
struct Case {
  View view;
  Model victim;
  Want want;

  Case() {
    view.now = kNow;
    Ready ready{};
    ready.worker.id = WorkerId{1};
    ready.since = kNow - 30min;
    ready.last_used = kNow - 1min;
    victim.state = ready;
    want.model = ModelId{2};
    want.since = kNow;
  }
  Ready& ready() { return std::get<Ready>(victim.state); }
  void lease() { ready().worker.leases = {RequestId{1}}; }
  void waited(Duration age) { want.since = kNow - age; }
  void priorities(Priority waiter, Priority model) {
    want.priority = waiter;
    victim.spec.priority = model;
  }
  void queue(std::uint64_t arrival) {
    Waiter waiter;
    waiter.arrival = arrival;
    waiter.priority = Priority::low;
    waiter.deadline = kNever;
    victim.queue.push(waiter, view.policy.patience);
  }
  // It was started for a waiter past patience, and one of those who waited then still does.
  void started_for_patient(Duration ago) {
    ready().since = kNow - ago;
    ready().worker.for_patient = true;
    ready().waiting_at_ready = 5;
    queue(5);
  }
  Verdict verdict() const { return may_evict(view, victim, want); }
};

}  // namespace

TEST_CASE("an idle worker that nothing speaks for gives way") { CHECK(Case().verdict() == Verdict::evict); }

TEST_CASE("a leased worker is never evicted; past patience it is drained") {
  Case c;
  c.lease();
  CHECK(c.verdict() == Verdict::leased);
  c.priorities(Priority::high, Priority::low);
  CHECK(c.verdict() == Verdict::leased);
  c.waited(10s - 1ns);
  CHECK(c.verdict() == Verdict::leased);
  c.waited(10s);
  CHECK(c.verdict() == Verdict::drain);
  CHECK(may_evict_over_budget(c.victim) == Verdict::leased);
}

TEST_CASE("a pinned worker is never evicted, whoever waits how long") {
  Case c;
  c.victim.pinned = true;
  CHECK(c.verdict() == Verdict::pinned);
  c.priorities(Priority::high, Priority::low);
  c.waited(30min);
  CHECK(c.verdict() == Verdict::pinned);
  c.lease();
  CHECK(c.verdict() == Verdict::pinned);
  c.ready().worker.leases.clear();
  CHECK(may_evict_over_budget(c.victim) == Verdict::pinned);
}

TEST_CASE("over budget evicts whatever else would speak for an idle worker") {
  Case c;
  c.priorities(Priority::low, Priority::high);
  c.started_for_patient(1s);
  c.victim.keep = Keep::forever();
  CHECK(may_evict_over_budget(c.victim) == Verdict::evict);
  c.victim.state = Cold{};
  CHECK(may_evict_over_budget(c.victim) == Verdict::not_there);
}

TEST_CASE("what was started for a patient waiter has its slice, even against a higher priority") {
  Case c;
  c.started_for_patient(60s - 1ns);
  c.priorities(Priority::high, Priority::low);
  c.waited(30min);
  CHECK(c.verdict() == Verdict::slice);
  SECTION("until it is over") {
    c.ready().since = kNow - 60s;
    CHECK(c.verdict() == Verdict::evict);
  }
  SECTION("until those who waited then have been admitted") {
    c.ready().waiting_at_ready = 4;
    CHECK(c.verdict() == Verdict::evict);
  }
  SECTION("and not when it was started for another") {
    c.ready().worker.for_patient = false;
    CHECK(c.verdict() == Verdict::evict);
  }
}

TEST_CASE("a higher priority evicts within residency, its equal only after it, however long it waited") {
  Case c;
  c.ready().since = kNow - 2s + 1ns;
  c.waited(30min);
  CHECK(c.verdict() == Verdict::residency);
  c.priorities(Priority::high, Priority::normal);
  CHECK(c.verdict() == Verdict::evict);
  c.lease();
  CHECK(c.verdict() == Verdict::drain);
  c.ready().worker.leases.clear();
  c.priorities(Priority::normal, Priority::normal);
  c.ready().since = kNow - 2s;
  CHECK(c.verdict() == Verdict::evict);
}

TEST_CASE("residency is the entry's, and where that says nothing the longer of 2 s and the last load") {
  Case c;
  c.victim.load_time = 7s;
  CHECK(residency(c.victim) == 7s);
  c.ready().since = kNow - 7s + 1ns;
  CHECK(c.verdict() == Verdict::residency);
  c.ready().since = kNow - 7s;
  CHECK(c.verdict() == Verdict::evict);
  c.victim.spec.min_residency = 8s;
  CHECK(c.verdict() == Verdict::residency);
  c.victim.spec.min_residency = 0s;
  c.ready().since = kNow;
  CHECK(c.verdict() == Verdict::evict);
  c.victim.spec.min_residency.reset();
  c.victim.load_time = 1s;
  CHECK(residency(c.victim) == 2s);
}

TEST_CASE("a higher-priority worker stays within its keep and goes past it") {
  Case c;
  c.priorities(Priority::low, Priority::normal);
  c.victim.keep = Keep{2min};
  CHECK(c.verdict() == Verdict::priority);
  c.ready().last_used = kNow - 2min;
  CHECK(c.verdict() == Verdict::evict);
  c.victim.keep = Keep::forever();
  CHECK(c.verdict() == Verdict::priority);
  SECTION("but not for a waiter past its doubled patience") {
    c.waited(20s - 1ns);
    CHECK(c.verdict() == Verdict::priority);
    c.waited(20s);
    CHECK(c.verdict() == Verdict::evict);
  }
  SECTION("whose priority may be that of its best waiter") {
    c.priorities(Priority::normal, Priority::normal);
    CHECK(c.verdict() == Verdict::evict);
    Waiter waiter;
    waiter.priority = Priority::high;
    waiter.deadline = kNever;
    c.victim.queue.push(waiter, 10s);
    CHECK(c.verdict() == Verdict::priority);
  }
}

TEST_CASE("patience doubles for each step of priority below the victim's") {
  const Policy policy{.patience = 10s};
  CHECK(patience(policy, Priority::low, Priority::low) == 10s);
  CHECK(patience(policy, Priority::high, Priority::low) == 10s);
  CHECK(patience(policy, Priority::low, Priority::normal) == 20s);
  CHECK(patience(policy, Priority::normal, Priority::high) == 20s);
  CHECK(patience(policy, Priority::low, Priority::high) == 40s);
}

TEST_CASE("a preload has no age, so it is never past patience") {
  Case c;
  c.lease();
  c.want.since.reset();
  CHECK_FALSE(past_patience(c.view, c.want, Priority::low));
  CHECK(c.verdict() == Verdict::leased);
}

TEST_CASE("a load is cancelled only if nobody waits for it, it is not pinned and has cancelled nobody") {
  Case c;
  Loading loading{};
  loading.worker.id = WorkerId{1};
  SECTION("nobody waits") {
    c.victim.state = loading;
    CHECK(c.verdict() == Verdict::cancel);
  }
  SECTION("somebody waits") {
    c.victim.state = loading;
    c.queue(1);
    CHECK(c.verdict() == Verdict::awaited);
  }
  SECTION("pinned") {
    c.victim.state = loading;
    c.victim.pinned = true;
    CHECK(c.verdict() == Verdict::pinned);
  }
  SECTION("it was begun by cancelling another") {
    loading.worker.by_cancelling = true;
    c.victim.state = loading;
    CHECK(c.verdict() == Verdict::awaited);
  }
}

// --- the same, played -------------------------------------------------------------------------------------------

namespace {

// A model of 3 GiB is ready and idle where there are 4; another of 3 GiB is asked for half a second after its load.
struct Contest {
  Play play{gib(4)};
  ModelId holder;
  TimePoint ready_at;
  explicit Contest(Priority priority, Duration residency) {
    ModelSpec spec = Play::sized(gib(3));
    spec.priority = priority;
    spec.min_residency = residency;
    holder = play.add(spec);
    play.ask(holder);
    play.run_for(100ms);
    ready_at = play.now();
    play.run_for(500ms);
  }
  RequestId ask(Priority priority) {
    ModelSpec spec = Play::sized(gib(3));
    spec.priority = priority;
    return play.ask(play.add(spec), {.priority = priority});
  }
  bool stays() const { return play.stage(holder) == Stage::ready; }
};

}  // namespace

TEST_CASE("a waiter of higher priority takes the bytes of a worker within its residency at once") {
  Contest contest(Priority::normal, 1min);
  const RequestId waiter = contest.ask(Priority::high);
  CHECK(contest.play.stage(contest.holder) == Stage::stopping);
  contest.play.run_for(1s);
  CHECK(contest.play.request(waiter).finished);
}

TEST_CASE("a waiter of the same priority takes them when the residency ends") {
  Contest contest(Priority::normal, 1min);
  contest.ask(Priority::normal);
  contest.play.run_until(contest.ready_at + 1min - 1ns);
  CHECK(contest.stays());
  contest.play.run_until(contest.ready_at + 1min);
  CHECK(contest.play.stage(contest.holder) == Stage::stopping);
}

TEST_CASE("a waiter of lower priority takes them after twice its patience for each step") {
  const auto [waits, priority] = GENERATE(std::pair(20s, Priority::normal), std::pair(40s, Priority::low));
  Contest contest(Priority::high, 0s);
  const TimePoint asked = contest.play.now();
  contest.ask(priority);
  contest.play.run_until(asked + waits - 1ns);
  CHECK(contest.stays());
  contest.play.run_until(asked + waits);
  CHECK(contest.play.stage(contest.holder) == Stage::stopping);
}
