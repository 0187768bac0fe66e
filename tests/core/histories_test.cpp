// Histories that once starved, livelocked or lied, each told from beginning to end.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "play.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

auto all_served(const Play& play, ModelId model) {
  return std::ranges::all_of(play.requests(),
                             [&](const auto& r) { return r.second.model != model || r.second.finished.has_value(); });
}

}  // namespace

TEST_CASE("a larger waiter gets its bytes from a busy model, once") {
  Play play(gib(8));
  const ModelId busy = play.add(Play::sized(gib(3)));
  const ModelId other = play.add(Play::sized(gib(3)));
  const ModelId large = play.add(Play::sized(gib(7)));
  // Two models that are never idle: each request is followed by the next before it ends.
  for (int i = 0; i < 400; ++i) {
    play.ask(busy, {.lease = 300ms});
    play.ask(other, {.lease = 300ms});
    if (i == 20) play.ask(large, {.lease = 1s});
    play.run_for(200ms);
  }
  const auto waiter = std::ranges::find_if(play.requests(), [&](const auto& r) { return r.second.model == large; });
  REQUIRE(waiter->second.admitted);
  // It waits its patience, the leases under way, and two stops.
  CHECK(*waiter->second.admitted - waiter->second.submitted < 12s);
  CHECK(play.starts(large) == 1);
  play.run_for(2min);
  CHECK(all_served(play, busy));
  CHECK(all_served(play, other));
  CHECK(play.starts(busy) == 2);
}

TEST_CASE("a large waiter collects three staggered long leases") {
  Play play(gib(9));
  std::vector<ModelId> small;
  for (int i = 0; i < 3; ++i) small.push_back(play.add(Play::sized(gib(3))));
  const ModelId large = play.add(Play::sized(gib(9)));
  for (int i = 0; i < 3; ++i) play.ask(small[static_cast<std::size_t>(i)], {.lease = 60s * (i + 1)});
  play.run_for(1s);
  const RequestId waiter = play.ask(large);
  play.run_for(15s);
  for (const ModelId id : small) CHECK(play.stage(id) == Stage::draining);
  // While it collects, newcomers to the small ones wait: what has come back is held.
  play.run_for(60s);
  CHECK(play.stage(small[0]) == Stage::cold);
  const RequestId late = play.ask(small[0]);
  play.run_for(60s);
  CHECK_FALSE(play.request(late).admitted);
  play.run_for(61s);
  CHECK(play.request(waiter).admitted);
  play.run_for(3min);
  CHECK(play.request(late).finished);
  CHECK(play.starts(large) == 1);
}

TEST_CASE("sixty queued requests at concurrency one do not starve a second model, nor it them") {
  Play play(gib(4));
  ModelSpec one = Play::sized(gib(3));
  one.concurrency = 1;
  const ModelId first = play.add(one);
  const ModelId second = play.add(one);
  for (int i = 0; i < 60; ++i) play.ask(first, {.lease = 1s, .deadline = 1h});
  play.run_for(2s);
  const RequestId waiter = play.ask(second, {.lease = 1s, .deadline = 1h});
  play.run_for(30s);
  CHECK(play.request(waiter).finished);
  play.run_for(10min);
  CHECK(all_served(play, first));
}

TEST_CASE("loads of 20 s with clients that leave after 15 s: both models are loaded") {
  Play play(gib(4));
  const ModelId a = play.add(Play::sized(gib(3)), {.load = 20s});
  const ModelId b = play.add(Play::sized(gib(3)), {.load = 20s});
  // Each client comes back a second after it has given up.
  for (int i = 0; i < 20; ++i) {
    play.ask(a, {.patience = 15s});
    play.ask(b, {.patience = 15s});
    play.run_for(16s);
  }
  const auto served = [&](ModelId id) {
    return std::ranges::count_if(play.requests(),
                                 [&](const auto& r) { return r.second.model == id && r.second.admitted; });
  };
  CHECK(served(a) > 0);
  CHECK(served(b) > 0);
}

TEST_CASE("a client that retries every 9 s is not for ever new") {
  Play play(gib(4));
  const ModelId busy = play.add(Play::sized(gib(3)));
  const ModelId wanted = play.add(Play::sized(gib(3)));
  bool admitted = false;
  for (int i = 0; i < 300 && !admitted; ++i) {
    play.ask(busy, {.lease = 300ms});
    if (i % 50 == 5) play.ask(wanted, {.patience = 9s});
    play.run_for(200ms);
    admitted = std::ranges::any_of(play.requests(),
                                   [&](const auto& r) { return r.second.model == wanted && r.second.admitted; });
  }
  CHECK(admitted);
}

TEST_CASE("the queue of a worker that crashes waits out the back-off and is served") {
  Play play(gib(4));
  ModelSpec one = Play::sized(gib(3));
  one.concurrency = 1;
  const ModelId id = play.add(one);
  const RequestId running = play.ask(id, {.lease = 10s});
  const RequestId queued = play.ask(id);
  play.run_for(1s);
  REQUIRE(play.request(running).admitted);
  const TimePoint crashed = play.now();
  play.at(play.now(), Exited{play.worker(id), "killed by signal 9"});
  play.run_for(1ms);
  CHECK(play.stage(id) == Stage::failed);
  play.finish(running, Outcome::failed);
  play.run_for(5s);
  REQUIRE(play.request(queued).admitted);
  CHECK(*play.request(queued).admitted - crashed >= Policy{}.backoff_first);
  CHECK_FALSE(play.request(queued).refused);
}

TEST_CASE("whoever waits for a worker that crashes again and again before any request went well hears why") {
  Play play(gib(4));
  ModelSpec one = Play::sized(gib(3));
  one.concurrency = 1;
  const ModelId id = play.add(one);
  const auto crash = [&](RequestId running) {
    REQUIRE(play.request(running).admitted);
    play.at(play.now(), Exited{play.worker(id), "exited with code 3"});
    play.run_for(1ms);
    play.finish(running, Outcome::failed);
    CHECK(play.stage(id) == Stage::failed);
  };
  const RequestId first = play.ask(id, {.lease = 10s});
  const RequestId second = play.ask(id, {.lease = 10s});
  const RequestId third = play.ask(id, {.lease = 10s});
  const RequestId fourth = play.ask(id);
  play.run_for(1s);
  for (const RequestId running : {first, second}) {
    crash(running);
    CHECK_FALSE(play.request(fourth).refused);
    play.run_for(5s);
  }
  crash(third);
  REQUIRE(play.request(fourth).refused);
  CHECK(play.request(fourth).refused->reason == Reason::load_failed);
  CHECK(play.request(fourth).refused->detail == "exited with code 3");
  const RequestId newcomer = play.ask(id);
  CHECK(play.request(newcomer).refused->reason == Reason::load_failed);

  play.run_for(2s);  // its back-off is over
  const RequestId later = play.ask(id, {.lease = 1s});
  const RequestId waiting = play.ask(id, {.lease = 10s});
  const RequestId last = play.ask(id);
  play.run_for(5s);  // one goes well, and the next crash is the first again
  CHECK_FALSE(play.request(later).refused);
  crash(waiting);
  CHECK_FALSE(play.request(last).refused);
  play.run_for(5s);
  CHECK(play.request(last).admitted);
}

TEST_CASE("a worker that cannot be killed keeps its bytes, and is not started again until it has exited") {
  Play play(gib(4));
  const ModelId undead = play.add(Play::sized(gib(3)), {.stop = kHangs, .kill = kHangs});
  const ModelId other = play.add(Play::sized(gib(3)));
  const ModelId small = play.add(Play::sized(gib(1)));
  play.ask(undead, {.keep = Keep{0s}});
  play.run_for(1s);
  const WorkerId worker = play.worker(undead);
  play.run_for(1min);
  CHECK(play.stage(undead) == Stage::failed);
  const RequestId again = play.ask(undead);
  CHECK(play.request(again).refused->reason == Reason::will_not_die);
  const RequestId needs = play.ask(other);
  CHECK(play.request(needs).refused->reason == Reason::taken_by_pins);
  const RequestId fits = play.ask(small);
  play.run_for(1s);
  CHECK(play.request(fits).finished);
  play.at(play.now(), Exited{worker, "killed"});
  play.run_for(1s);
  const RequestId after = play.ask(other);
  play.run_for(30s);
  CHECK(play.request(after).finished);
}

TEST_CASE("bytes that return without anyone saying so are seen in a sample") {
  Play play(gib(4));
  const ModelId first = play.add(Play::sized(gib(3)), {.bytes = kHangs});
  const ModelId second = play.add(Play::sized(gib(3)));
  play.ask(first, {.keep = Keep{0s}});
  play.run_for(1s);
  const RequestId waiter = play.ask(second);
  play.run_for(20s);
  CHECK_FALSE(play.request(waiter).admitted);  // unconfirmed by now, and still held
  play.feed(DeviceMeasured{kHost, gib(4), Bytes{}, std::vector<TreeBytes>{}});
  play.run_for(1s);
  CHECK(play.request(waiter).finished);
}

TEST_CASE("a load that was cancelled has proved nothing of an estimate that is too large") {
  Play play(gib(10));
  const auto limit_to = [&](Bytes limit) {
    CatalogueChanged change;
    change.budgets.push_back({kHost, gib(20), limit, Bytes{}});
    play.feed(change);
  };
  ModelSpec guess = Play::sized(gib(12));
  guess.size_source = SizeSource::estimated;
  const ModelId big = play.add(guess, {.load = kHangs});

  play.ask(big);  // tried with what there is, but an operator ends it
  CHECK(play.view().ledger.rows().at(play.worker(big)).bytes == Placement{{kHost, gib(10)}});
  play.unload(big, Force::yes);
  play.run_for(1s);
  REQUIRE(play.stage(big) == Stage::cold);

  limit_to(gib(14));  // as large as it is guessed to be: its failure says nothing of less
  play.behaviour(big).load_error = "cannot read the file";
  play.behaviour(big).load = 100ms;
  const RequestId whole = play.ask(big);
  CHECK(play.view().ledger.rows().at(play.worker(big)).bytes == Placement{{kHost, gib(12)}});
  play.run_for(5min);
  REQUIRE(play.request(whole).refused->reason == Reason::load_failed);

  limit_to(gib(10));
  const RequestId again = play.ask(big);
  CHECK_FALSE(play.request(again).refused);
  CHECK(play.stage(big) == Stage::loading);
  play.run_for(5min);  // … and now that it was tried, and has failed, there is proof
  CHECK(play.request(again).refused->reason == Reason::load_failed);
  const RequestId last = play.ask(big);
  CHECK(play.request(last).refused->reason == Reason::too_large);
}

TEST_CASE("another policy holds for what is decided from then on, and interrupts nothing") {
  Play play(gib(4));
  const ModelId slow = play.add(Play::sized(gib(1)), {.load = kHangs});
  const ModelId next = play.add(Play::sized(gib(1)), {.load = kHangs});
  const RequestId before = play.ask(slow);
  play.run_for(1s);
  Policy hasty;
  hasty.load_timeout = 10s;
  play.set(hasty);
  const RequestId after = play.ask(next);
  play.run_for(30s);
  CHECK(play.request(after).refused->reason == Reason::load_failed);
  CHECK_FALSE(play.request(before).refused);
}
