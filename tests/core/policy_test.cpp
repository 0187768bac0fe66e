// What makes a worker worth keeping, in figures, and who goes by it.
#include "core/policy.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <utility>

#include "core/eviction.hpp"
#include "play.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

// A ready worker of 2 GiB with 5 leases behind it, whose floor was 3 when it was last used.
struct Kept {
  View view;
  Model model;
  Kept() {
    model.spec = Play::sized(gib(2));
    model.spec.id = ModelId{1};
    model.load_time = 4s;
    Ready ready{};
    ready.worker.id = WorkerId{1};
    ready.worker.floor = 3;
    ready.worker.frequency = 5;
    ready.last_used = TimePoint{77s};
    model.state = std::move(ready);
    view.ledger.hold(WorkerId{1}, ModelId{1}, {{kHost, gib(2)}});
  }
  double value() const { return rouse::core::value(view, model); }
};

// Two idle workers fill 6 GiB; a third model of 2 GiB comes.
struct Rivals {
  Play play;
  ModelId first;
  ModelId second;
  Rivals(const Policy& policy, Bytes first_bytes, const Behaviour& first_how, Bytes second_bytes,
         const Behaviour& second_how)
      : play(gib(6), policy),
        first(play.add(Play::sized(first_bytes), first_how)),
        second(play.add(Play::sized(second_bytes), second_how)) {}
  void use(ModelId id) {
    play.ask(id);
    play.run_for(5s);
  }
  std::set<ModelId> evicted() {
    play.ask(play.add(Play::sized(gib(2))));
    std::set<ModelId> gone;
    for (const ModelId id : {first, second}) {
      if (play.stage(id) != Stage::ready) gone.insert(id);
    }
    return gone;
  }
};

}  // namespace

TEST_CASE("the value is floor + frequency × reload × weight / GiB") {
  Worth worth;
  worth.floor = 1;
  worth.frequency = 2;
  worth.reload_seconds = 3;
  worth.weight = 0.5;
  worth.gib = 4;
  CHECK(greedy_dual_size_frequency(worth) == 1 + 2 * 3 * 0.5 / 4);
  worth.floor = 9;
  CHECK(greedy_dual_size_frequency(worth) == 9 + 2 * 3 * 0.5 / 4);
  worth.frequency = 5;
  CHECK(greedy_dual_size_frequency(worth) == 9 + 5 * 3 * 0.5 / 4);
  worth.reload_seconds = 7;
  CHECK(greedy_dual_size_frequency(worth) == 9 + 5 * 7 * 0.5 / 4);
  worth.weight = 2;
  CHECK(greedy_dual_size_frequency(worth) == 9 + 5 * 7 * 2.0 / 4);
  worth.gib = 8;
  CHECK(greedy_dual_size_frequency(worth) == 9 + 5 * 7 * 2.0 / 8);
  worth.gib = 0;  // as if it held a MiB: worth keeping, but not infinitely
  CHECK(greedy_dual_size_frequency(worth) == 9 + 5 * 7 * 2.0 * 1024);
}

TEST_CASE("a priority weighs ½, 1 or 2") {
  Kept kept;
  kept.model.spec.priority = Priority::low;
  CHECK(kept.value() == 3 + 5 * 4 * 0.5 / 2);
  kept.model.spec.priority = Priority::normal;
  CHECK(kept.value() == 3 + 5 * 4 * 1.0 / 2);
  kept.model.spec.priority = Priority::high;
  CHECK(kept.value() == 3 + 5 * 4 * 2.0 / 2);
}

TEST_CASE("the best waiting request lends its priority to the value") {
  Kept kept;
  Waiter waiter;
  waiter.priority = Priority::high;
  waiter.deadline = kNever;
  kept.model.queue.push(waiter, 10s);
  CHECK(kept.value() == 3 + 5 * 4 * 2.0 / 2);
}

TEST_CASE("a reload costs what was measured, until then what is expected") {
  Kept kept;
  kept.model.spec.expected_load = 6s;
  CHECK(kept.value() == 13);
  kept.model.load_time.reset();
  CHECK(kept.value() == 18);
}

TEST_CASE("no worker has no value, and LRU values the last use alone") {
  Kept kept;
  kept.view.policy.value = &least_recently_used;
  CHECK(kept.value() == 77);
  kept.model.state = Cold{};
  CHECK(kept.value() == 0);
}

TEST_CASE("of two idle workers the one that is quicker to reload goes") {
  Rivals rivals({}, gib(3), {.load = 1s}, gib(3), {.load = 500ms});
  rivals.use(rivals.first);
  rivals.use(rivals.second);  // though it was used later
  CHECK(rivals.evicted() == std::set{rivals.second});
}

TEST_CASE("of two idle workers the larger goes") {
  Rivals rivals({}, gib(2), {.load = 1s}, gib(4), {.load = 1s});
  rivals.use(rivals.first);
  rivals.use(rivals.second);
  CHECK(rivals.evicted() == std::set{rivals.second});
}

TEST_CASE("of two idle workers the one that served fewer goes") {
  Rivals rivals({}, gib(3), {.load = 1s}, gib(3), {.load = 1s});
  rivals.use(rivals.first);
  rivals.use(rivals.first);
  rivals.use(rivals.second);
  CHECK(rivals.evicted() == std::set{rivals.second});
}

TEST_CASE("the floor rises to what was evicted last, so that what was popular once makes room") {
  Play play(gib(8));
  const ModelId popular = play.add(Play::sized(gib(4)), {.load = 1s});
  const ModelId once = play.add(Play::sized(gib(4)), {.load = 1s});
  const ModelId newer = play.add(Play::sized(gib(4)), {.load = 1500ms});
  const ModelId newest = play.add(Play::sized(gib(4)));
  const auto use = [&](ModelId id) {
    play.ask(id);
    play.run_for(5s);
  };
  use(popular);
  use(popular);
  use(once);
  CHECK(play.view().floor == 0);
  CHECK(value(play.view(), play.view().models.at(popular)) == 0.5);
  use(newer);
  CHECK(play.stage(once) == Stage::cold);
  CHECK(play.view().floor == 0.25);
  CHECK(value(play.view(), play.view().models.at(popular)) == 0.5);
  CHECK(value(play.view(), play.view().models.at(newer)) == 0.25 + 1.5 / 4);
  use(newest);
  CHECK(play.stage(popular) == Stage::cold);
  CHECK(play.stage(newer) == Stage::ready);
  CHECK(play.view().floor == 0.5);
}

TEST_CASE("LRU evicts whoever was used least recently, whatever it costs to reload") {
  Rivals rivals({.value = &least_recently_used}, gib(3), {.load = 1s}, gib(3), {.load = 500ms});
  rivals.use(rivals.first);
  rivals.use(rivals.second);
  SECTION("the first") { CHECK(rivals.evicted() == std::set{rivals.first}); }
  SECTION("until it is used again") {
    rivals.use(rivals.first);
    CHECK(rivals.evicted() == std::set{rivals.second});
  }
}
