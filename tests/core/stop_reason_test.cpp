#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "play.hpp"

namespace rouse::core {
namespace {

using namespace std::chrono_literals;

// Why the model's workers were told to stop, in order.
std::string reasons(const Play& play, ModelId model) {
  std::string text;
  for (const Announce& change : play.announced()) {
    const bool told = change.to == Stage::stopping && change.from != Stage::stopping;
    CHECK((change.reason != StopReason::none) == (change.to == Stage::stopping));
    if (change.model == model && told) text += (text.empty() ? "" : ", ") + std::string(name(change.reason));
  }
  return text;
}

TEST_CASE("a worker that nobody asks for stops because it is idle") {
  Play play(gib(4));
  const ModelId chat = play.add(Play::sized(gib(1)));
  play.ask(chat);
  play.run_for(10min);
  CHECK(reasons(play, chat) == "idle");
}

TEST_CASE("a worker makes room for another, or for a smaller budget") {
  Play play(gib(1));
  const ModelId chat = play.add(Play::sized(gib(1)));
  const ModelId other = play.add(Play::sized(gib(1)));
  play.ask(chat);
  play.run_for(5s);
  play.ask(other);
  play.run_for(5s);
  CHECK(reasons(play, chat) == "evicted");
  CatalogueChanged smaller;
  smaller.budgets.push_back({kHost, gib(1), mib(500), Bytes{}});
  play.feed(smaller);
  CHECK(reasons(play, other) == "over budget");
}

TEST_CASE("an operator's unload, a changed entry and a shutdown are told apart") {
  Play play(gib(4));
  const ModelId chat = play.add(Play::sized(gib(1)));
  play.ask(chat);
  play.run_for(1s);
  play.unload(chat);
  play.run_for(1s);
  play.ask(chat);
  play.run_for(1s);
  ModelSpec changed = Play::sized(gib(1));
  changed.id = chat;
  changed.revision = 1;
  CatalogueChanged change;
  change.changed.push_back(changed);
  play.feed(change);
  play.run_for(1s);
  play.ask(chat);
  play.run_for(1s);
  play.feed(Shutdown{play.now() + 1s});
  CHECK(reasons(play, chat) == "unloaded, changed, shutdown");
}

TEST_CASE("a load that hangs stops because it failed") {
  Play play(gib(4));
  const ModelId chat = play.add(Play::sized(gib(1)), {.load = kHangs});
  play.ask(chat);
  play.run_for(6min);
  CHECK(reasons(play, chat) == "load failed");
}

}  // namespace
}  // namespace rouse::core
