#include "core/overdue.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "core/ledger.hpp"
#include "core/scheduler.hpp"

namespace rouse::core {
namespace {

using namespace std::chrono_literals;

constexpr ModelId kChat{1};
constexpr ModelId kOther{2};
const TimePoint kStart{1000s};

// A scheduler whose timers nobody serves: what is left to stand, stands.
class Neglected {
 public:
  explicit Neglected(Bytes budget = gib(2)) {
    CatalogueChanged change;
    change.budgets.push_back({kHost, budget, budget, Bytes{}});
    for (const ModelId id : {kChat, kOther}) {
      ModelSpec spec;
      spec.id = id;
      spec.placements = {{{kHost, gib(1)}}};
      spec.concurrency = 1;
      spec.keep = Keep::forever();
      change.changed.push_back(spec);
    }
    feed(change);
  }
  Effects feed(const Event& event) {
    Effects effects = scheduler.step(event, now);
    for (const Effect& effect : effects) {
      if (const auto* start = std::get_if<StartWorker>(&effect)) last_worker = start->worker;
    }
    return effects;
  }
  RequestId ask(ModelId model, Duration deadline = 10min) {
    const RequestId id{++requests};
    feed(Submit{.request = id, .model = model, .client = ClientId{1}, .deadline = now + deadline, .keep = {}});
    return id;
  }
  RequestId ask_loaded(ModelId model) {
    const RequestId id = ask(model);
    feed(Loaded{last_worker});
    return id;
  }
  void unload(ModelId model) { feed(Unload{RequestId{100}, model, Force::no, kNever}); }
  // "1 loading, 2 waiting" at a time at which nothing has happened since.
  std::string standing(Duration from_now) const {
    std::string text;
    for (const Overdue& each : overdue(scheduler.view(), now + from_now)) {
      constexpr const char* kNames[] = {"loading",  "draining",  "sleeping", "waking",
                                        "stopping", "returning", "waiting"};
      text += (text.empty() ? "" : ", ") + std::to_string(each.model.value) + " " +
              kNames[static_cast<std::size_t>(each.what)];
    }
    return text;
  }

  Scheduler scheduler;
  TimePoint now = kStart;
  WorkerId last_worker{};
  std::uint64_t requests = 0;
};

TEST_CASE("an idle world is fine") {
  Neglected world;
  CHECK(world.standing(24h).empty());
  const RequestId request = world.ask_loaded(kChat);
  world.feed(Finish{request});
  CHECK(world.standing(24h).empty());
}

TEST_CASE("a load is explained until its time-out, and no longer") {
  Neglected world;
  world.ask(kChat, 24h);
  CHECK(world.standing(5min + kOverdueMargin).empty());
  CHECK(world.standing(5min + kOverdueMargin + 1s) == "1 loading");
}

TEST_CASE("a load that has always been slow is explained for longer") {
  Neglected world;
  world.scheduler.step(Preload{kChat}, world.now);
  world.feed(Tick{});
  const RequestId first = world.ask(kChat, 24h);
  world.now += 4min;
  world.feed(Loaded{WorkerId{1}});
  world.feed(Finish{first});
  world.unload(kChat);
  world.feed(Exited{WorkerId{1}, ""});
  world.feed(BytesReturned{WorkerId{1}});
  world.ask(kChat, 24h);
  CHECK(world.standing(16min + kOverdueMargin).empty());
  CHECK(world.standing(16min + kOverdueMargin + 1s) == "1 loading");
}

TEST_CASE("an unload is explained by its grace, and then by the time a kill takes") {
  Neglected world;
  world.feed(Finish{world.ask_loaded(kChat)});
  world.unload(kChat);
  CHECK(world.standing(10s + kOverdueMargin).empty());
  CHECK(world.standing(10s + kOverdueMargin + 1s) == "1 stopping");
  world.now += 10s;
  world.feed(Tick{});
  CHECK(world.standing(10s + kOverdueMargin).empty());
  CHECK(world.standing(10s + kOverdueMargin + 1s) == "1 stopping");
}

TEST_CASE("a gentle unload is explained while somebody uses the model, a forced one until its deadline") {
  Neglected world;
  world.ask_loaded(kChat);
  world.unload(kChat);
  CHECK(world.standing(24h).empty());
  world.feed(Unload{RequestId{101}, kChat, Force::yes, world.now + 30s});
  CHECK(world.standing(30s + kOverdueMargin).empty());
  CHECK(world.standing(30s + kOverdueMargin + 1s) == "1 draining");
}

TEST_CASE("bytes that nobody has spoken of past their bound are overdue") {
  Neglected world;
  world.feed(Finish{world.ask_loaded(kChat)});
  world.unload(kChat);
  world.feed(Exited{world.last_worker, ""});
  CHECK(world.standing(5s + kOverdueMargin).empty());
  CHECK(world.standing(5s + kOverdueMargin + 1s) == "1 returning");
}

TEST_CASE("a request that waits for a busy slot is explained until its deadline") {
  Neglected world;
  world.ask_loaded(kChat);
  world.ask(kChat, 1min);
  CHECK(world.standing(1min + kOverdueMargin).empty());
  CHECK(world.standing(1min + kOverdueMargin + 1s) == "1 waiting");
}

TEST_CASE("a request that waits for memory is explained while somebody uses what holds it") {
  Neglected world(gib(1));
  world.ask_loaded(kChat);
  world.ask(kOther, 24h);
  CHECK(world.standing(12h).empty());
}

// What no correct scheduler leaves behind can be shown only by making the view by hand.
TEST_CASE("a request that could be served and is not is overdue long before its deadline") {
  Neglected world(gib(1));
  const RequestId lease = world.ask_loaded(kChat);
  world.ask(kChat, 24h);
  View view = world.scheduler.view();
  auto& ready = std::get<Ready>(view.models.at(kChat).state);
  CHECK(ready.worker.leases == std::vector{lease});
  CHECK(overdue(view, world.now + 1h).empty());
  ready.worker.leases.clear();
  CHECK(overdue(view, world.now + kOverdueMargin).empty());
  const auto found = overdue(view, world.now + kOverdueMargin + 1ms);
  REQUIRE(found.size() == 1);
  CHECK((found[0].what == Standing::waiting && found[0].model == kChat));
}

TEST_CASE("a request for which idle workers never make room is overdue, unless they are pinned") {
  Neglected world(gib(1));
  world.ask_loaded(kChat);
  world.ask(kOther, 24h);
  View view = world.scheduler.view();  // the waiter has a plan; here nobody carries it out
  std::get<Ready>(view.models.at(kChat).state).worker.leases.clear();
  view.plans.clear();
  const Duration turn = 4 * view.policy.patience + view.policy.slice;
  CHECK(overdue(view, world.now + turn + kOverdueMargin).empty());
  const auto found = overdue(view, world.now + turn + kOverdueMargin + 1s);
  REQUIRE(found.size() == 1);
  CHECK((found[0].what == Standing::waiting && found[0].model == kOther));
  view.models.at(kChat).pinned = true;
  CHECK(overdue(view, world.now + 12h).empty());
}

TEST_CASE("a request that waits while outsiders hold the memory is no fault of ours") {
  Neglected world(gib(4));
  world.feed(DeviceMeasured{.device = kHost, .total = gib(4), .used = gib(4), .trees = std::vector<TreeBytes>{}});
  world.ask(kChat, 24h);
  CHECK(world.standing(12h).empty());
}

}  // namespace
}  // namespace rouse::core
