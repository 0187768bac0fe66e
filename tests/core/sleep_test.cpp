// Sleep, told from beginning to end: who sleeps instead of being stopped, who is woken, who gives way; and preloads
// that a fallback has asked for, which are wants without waiters as well.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "play.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

constexpr DeviceId kGpu{1};

ModelSpec sleeper(Bytes awake, Bytes asleep) {
  ModelSpec spec = Play::sized(awake);
  spec.asleep = Placement{{kHost, asleep}};
  spec.min_residency = 0s;
  return spec;
}

// A model on the card that moves to the host's memory while it sleeps.
ModelSpec on_card(Bytes bytes) {
  ModelSpec spec = sleeper({}, bytes);
  spec.placements = {{{kGpu, bytes}}};
  return spec;
}

void add_card(Play& play, Bytes bytes) {
  CatalogueChanged change;
  change.budgets.push_back({kGpu, bytes, bytes, Bytes{}});
  play.feed(change);
}

bool served(const Play& play, RequestId request) { return play.request(request).finished.has_value(); }

}  // namespace

TEST_CASE("two models on one card take turns, and each is loaded once") {
  Play play(gib(32));
  add_card(play, gib(10));
  const ModelId a = play.add(on_card(gib(8)));
  const ModelId b = play.add(on_card(gib(8)));
  for (int turn = 0; turn < 5; ++turn) {
    for (const ModelId model : {a, b}) {
      const RequestId request = play.ask(model);
      play.run_for(1s);
      REQUIRE(served(play, request));
    }
  }
  CHECK(play.starts(a) == 1);
  CHECK(play.starts(b) == 1);
  CHECK(play.stage(a) == Stage::asleep);
  CHECK(play.view().models.at(a).wakes == 4);
}

TEST_CASE("what asleep would not fit into the host's memory is stopped") {
  Play play(gib(4));
  add_card(play, gib(10));
  const ModelId a = play.add(on_card(gib(8)));
  const ModelId b = play.add(on_card(gib(8)));
  play.ask(a);
  play.run_for(1s);
  const RequestId request = play.ask(b);
  play.run_for(1s);
  CHECK(served(play, request));
  CHECK(play.stage(a) == Stage::cold);
}

TEST_CASE("whoever asks while it falls asleep waits for that, and then for its waking") {
  Play play(gib(8));
  ModelSpec spec = sleeper(gib(4), gib(1));
  spec.keep = Keep{0s};
  const ModelId model = play.add(spec);
  play.ask(model);
  play.run_for(160ms);
  REQUIRE(play.stage(model) == Stage::sleeping);
  const RequestId request = play.ask(model);
  play.run_for(1s);
  CHECK(served(play, request));
  CHECK(play.starts(model) == 1);
}

TEST_CASE("one that ends while it falls asleep, or wakes, is put to sleep no more until it is forgotten") {
  Play play(gib(8));
  ModelSpec spec = sleeper(gib(4), gib(1));
  spec.keep = Keep{0s};
  const ModelId model = play.add(spec);
  const bool wakes = GENERATE(false, true);
  play.ask(model);
  play.run_for(wakes ? 1s : 160ms);
  if (wakes) play.ask(model);
  REQUIRE(play.stage(model) == (wakes ? Stage::waking : Stage::sleeping));
  play.feed(Exited{play.worker(model), "killed"});
  const RequestId request = play.ask(model);
  play.run_for(1min);
  CHECK(served(play, request));
  CHECK(play.starts(model) == 2);
  CHECK(play.stage(model) == Stage::cold);
  play.feed(Forget{model});
  play.ask(model);
  play.run_for(1min);
  CHECK(play.stage(model) == Stage::asleep);
}

TEST_CASE("two sleepers that wait for each other's bytes are both served") {
  Play play(gib(10));
  const ModelId a = play.add(sleeper(gib(6), gib(3)));
  const ModelId b = play.add(sleeper(gib(6), gib(3)));
  const ModelId c = play.add(sleeper(gib(4), gib(3)));
  for (const ModelId model : {a, b, c}) {
    play.ask(model);
    play.run_for(1s);
  }
  const RequestId first = play.ask(a);
  const RequestId second = play.ask(b);
  play.run_for(1min);
  CHECK(served(play, first));
  CHECK(served(play, second));
}

TEST_CASE("a pinned sleeper that can never wake is in nobody's way") {
  Play play(gib(10));
  ModelSpec spec = sleeper(gib(6), gib(3));
  spec.keep = Keep{0s};
  const ModelId sleeps = play.add(spec);
  const ModelId other = play.add(Play::sized(gib(5)));
  play.ask(sleeps);
  play.run_for(1s);
  REQUIRE(play.stage(sleeps) == Stage::asleep);
  play.feed(Pin{sleeps, true});
  CatalogueChanged change;
  change.budgets.push_back({kHost, gib(10), gib(5), Bytes{}});
  play.feed(change);
  const RequestId hopeless = play.ask(sleeps);
  const RequestId request = play.ask(other);
  play.run_for(1s);
  CHECK(play.request(hopeless).refused);
  CHECK(served(play, request));
}

TEST_CASE("a size measured while it is stopped is not what it takes awake") {
  Play play(gib(8));
  ModelSpec spec = sleeper(gib(4), gib(1));
  spec.keep = Keep{0s};
  const ModelId model = play.add(spec);
  play.ask(model);
  play.run_for(1s);
  const WorkerId worker = play.worker(model);
  play.unload(model);
  play.feed(FootprintMeasured{worker, {{kHost, mib(1)}}});
  CHECK_FALSE(play.view().models.at(model).measured);
}

TEST_CASE("a configured preload waits for free bytes; one that a fallback stood in for evicts, after residency") {
  Play play(gib(8));
  ModelSpec resident = Play::sized(gib(6));
  resident.min_residency = 5s;
  const ModelId victim = play.add(resident);
  const ModelId wanted = play.add(Play::sized(gib(6)));
  play.ask(victim);
  play.run_for(1s);
  play.feed(Preload{wanted});
  play.run_for(10s);
  CHECK(play.stage(wanted) == Stage::cold);
  SECTION("and evicts whoever idles") {
    play.feed(Preload{wanted, Evicts::yes});
    play.run_for(1s);
    CHECK(play.stage(wanted) == Stage::ready);
    CHECK(play.stage(victim) == Stage::cold);
  }
  SECTION("and does not disturb whoever works") {
    const RequestId busy = play.ask(victim, {.lease = kHangs});
    play.feed(Preload{wanted, Evicts::yes});
    play.run_for(1min);
    CHECK(play.stage(wanted) == Stage::cold);
    play.finish(busy);
    play.run_for(1s);
    CHECK(play.stage(wanted) == Stage::ready);
  }
}
