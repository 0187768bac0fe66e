// What is heard of memory: out of it, shared with others, reserved for them, given back by dropping caches.
#include <catch2/catch_test_macros.hpp>

#include "play.hpp"

namespace rouse::core {
namespace {

using namespace std::chrono_literals;

constexpr DeviceId kGpu{1};

DeviceMeasured host(Bytes used, bool shared = false) {
  return {.device = kHost, .total = gib(10), .used = used, .trees = std::vector<TreeBytes>{}, .shared = shared};
}

Bytes row_of(const Play& play, ModelId model) { return total(play.view().ledger.find(play.worker(model))->bytes); }

Reserve wish(std::uint64_t number, Bytes bytes, const Play& play, Duration lasts = Duration::max()) {
  return {.request = RequestId{1'000 + number},
          .reservation = ModelId{kFirstReservation.value + number},
          .device = kHost,
          .bytes = bytes,
          .client = {},
          .deadline = play.now() + 1h,
          .lasts = lasts};
}

TEST_CASE("a load whose memory runs out is tried once more, with a quarter more, and its waiters go on waiting") {
  Play play(gib(10));
  const ModelId model = play.add(Play::sized(gib(4)), {.load = kHangs});
  const RequestId request = play.ask(model);
  play.feed(Exited{play.worker(model), "killed", {kHost}});
  play.feed(BytesReturned{WorkerId{1}});
  REQUIRE(play.stage(model) == Stage::loading);
  CHECK(play.starts(model) == 2);
  CHECK(row_of(play, model) == gib(5));
  CHECK(!play.request(request).refused);

  play.feed(Exited{play.worker(model), "killed", {kHost}});
  REQUIRE(play.request(request).refused);
  CHECK(play.request(request).refused->reason == Reason::load_failed);
  CHECK(play.request(request).refused->needed == gib(5));
  CHECK(play.starts(model) == 2);
}

TEST_CASE("what others take counts at once, and what they give back when it has stayed back") {
  Play play(gib(10));
  play.feed(host(gib(6)));
  CHECK(play.view().ledger.effective(kHost) == gib(4));
  play.feed(host(gib(1)));
  CHECK(play.view().ledger.effective(kHost) == gib(4));
  play.run_for(2s);
  play.feed(host(gib(3)));  // it hovers: the most of late is what is believed
  play.run_for(2s);
  play.feed(host(gib(1)));
  CHECK(play.view().ledger.effective(kHost) == gib(7));
}

TEST_CASE("an idle worker leaves sooner beside a program that is not ours") {
  Play play(gib(10));
  ModelSpec spec = Play::sized(gib(4));
  spec.keep = Keep::forever();
  const ModelId model = play.add(spec);
  play.ask(model);
  play.run_for(1s);
  play.feed(host(gib(1), true));
  play.run_for(20s);
  CHECK(play.stage(model) == Stage::ready);
  play.run_for(15s);
  CHECK(play.stage(model) == Stage::cold);
}

TEST_CASE("caches are dropped before an eviction, which is spared if that is enough") {
  Play play(gib(10));
  ModelSpec spec = Play::sized(gib(6));
  spec.trims = true;
  const ModelId caching = play.add(spec);
  const ModelId other = play.add(Play::sized(gib(5)));
  play.ask(caching);
  play.run_for(10s);
  const RequestId request = play.ask(other);
  REQUIRE(play.trims() == std::vector{play.worker(caching)});
  CHECK(play.stage(caching) == Stage::ready);

  SECTION("enough") {
    play.feed(FootprintMeasured{play.worker(caching), {{kHost, gib(4)}}});
    play.feed(Trimmed{play.worker(caching)});
    play.run_for(1s);
    CHECK(play.stage(caching) == Stage::ready);
  }
  SECTION("too little") {
    play.feed(Trimmed{play.worker(caching)});
    play.run_for(1s);
    CHECK(play.stage(caching) == Stage::cold);
  }
  SECTION("no answer") {
    play.run_for(11s);
    CHECK(play.stage(caching) == Stage::cold);
  }
  CHECK(play.trims().size() == 1);
  CHECK(play.request(request).admitted);
}

TEST_CASE("a reservation has idle workers give way, even those that have only just been loaded") {
  Play play(gib(10));
  ModelSpec spec = Play::sized(gib(6));
  spec.min_residency = 1min;
  const ModelId model = play.add(spec);
  play.ask(model);
  play.run_for(1s);
  play.promise(wish(1, gib(8), play));
  play.run_for(1s);
  CHECK(play.stage(model) == Stage::cold);
  CHECK(play.request(RequestId{1'001}).admitted);
  CHECK(play.view().ledger.free(kHost) == gib(2));
}

TEST_CASE("when a reservation is over its bytes are nobody's until a sample says whose") {
  Play play(gib(10));
  const ModelId model = play.add(Play::sized(gib(6)));
  play.promise(wish(1, gib(8), play, 10s));
  const RequestId request = play.ask(model);
  play.run_for(11s);
  CHECK(play.request(RequestId{1'001}).cut);
  CHECK(!play.request(request).admitted);
  play.feed(host(gib(5)));  // its holder still uses them
  play.run_for(1s);
  CHECK(!play.request(request).admitted);
  play.feed(host(gib(1)));
  play.run_for(4s);
  play.feed(host(gib(1)));
  play.run_for(1s);
  CHECK(play.request(request).admitted);
}

TEST_CASE("what comes back on one device is free there, whatever the others still keep") {
  Play play(gib(4));
  CatalogueChanged gpu;
  gpu.budgets = {{kGpu, gib(8), gib(8), {}}};
  play.feed(gpu);
  ModelSpec spec = Play::sized(gib(3));
  spec.placements = {{{kHost, gib(3)}, {kGpu, gib(6)}}};
  const ModelId both = play.add(spec, {.bytes = kHangs});
  const ModelId beside = play.add(Play::sized(gib(3)));
  play.ask(both);
  play.run_for(1s);
  const WorkerId worker = play.worker(both);
  play.feed(BytesReturned{worker, {kHost}});  // it lives
  CHECK(bytes_on(play.view().ledger.find(worker)->bytes, kHost) == gib(3));
  play.feed(Exited{worker, "crashed"});
  play.feed(BytesReturned{worker, {kHost}});
  CHECK(play.returned().empty());
  const RequestId request = play.ask(beside);
  play.run_for(10s);
  CHECK(play.request(request).admitted);
  REQUIRE(play.returned().size() == 1);
  CHECK(play.returned().front().freed == Placement{{kHost, gib(3)}, {kGpu, Bytes{}}});
  CHECK(play.returned().front().missing == Placement{{kGpu, gib(6)}});
  play.feed(BytesReturned{worker, {kGpu}});
  CHECK(play.returned().back().freed == Placement{{kHost, gib(3)}, {kGpu, gib(6)}});
  CHECK(play.view().ledger.find(worker) == nullptr);
}

TEST_CASE("every worker that ends leaves a receipt, and a second one when late bytes come") {
  Play play(gib(10));
  ModelSpec spec = Play::sized(gib(6));
  spec.keep = Keep{0s};
  const ModelId model = play.add(spec, {.bytes = 20s});
  play.ask(model);
  play.run_for(10s);
  REQUIRE(play.returned().size() == 1);
  CHECK(play.returned().front().missing == Placement{{kHost, gib(6)}});
  CHECK(total(play.returned().front().freed) == Bytes{});
  CHECK(play.returned().front().reason == StopReason::idle);
  play.run_for(20s);
  REQUIRE(play.returned().size() == 2);
  CHECK(play.returned().back().missing.empty());
  CHECK(play.returned().back().freed == Placement{{kHost, gib(6)}});
}

TEST_CASE("an unload of what has ended waits for its bytes, or hears that they are missing") {
  Play play(gib(10));
  ModelSpec spec = Play::sized(gib(6));
  spec.keep = Keep{0s};
  const ModelId model = play.add(spec, {.bytes = 20s});
  play.ask(model);
  play.run_for(3s);
  REQUIRE(play.stage(model) == Stage::cold);

  const RequestId early = play.unload(model);
  CHECK_FALSE(play.unloaded().contains(early));
  play.run_for(7s);
  REQUIRE(play.unloaded().contains(early));
  CHECK(play.unloaded().at(early).missing == Placement{{kHost, gib(6)}});

  const RequestId late = play.unload(model, Force::yes);
  REQUIRE(play.unloaded().contains(late));
  CHECK(play.unloaded().at(late).missing == Placement{{kHost, gib(6)}});
  CHECK(total(play.unloaded().at(late).freed) == Bytes{});

  play.run_for(20s);
  const RequestId last = play.unload(model);
  REQUIRE(play.unloaded().contains(last));
  CHECK(play.unloaded().at(last).worker == WorkerId{});
}

}  // namespace
}  // namespace rouse::core
