// Every reason for which a request is refused, each demanded by the situations that call for it.
#include <catch2/catch_test_macros.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "play.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

using Answer = std::optional<Refusal>;

// One host of 4 GiB, and a model of 3 GiB on it.
struct Setting {
  Play play{gib(4)};
  ModelId model;

  explicit Setting(const Behaviour& behaviour = Behaviour(), const ModelSpec& spec = Play::sized(gib(3)))
      : model(play.add(spec, behaviour)) {}

  Answer answer(RequestId id) const { return play.request(id).refused; }
  Answer ask(const Ask& how = Ask()) { return answer(play.ask(model, how)); }
  Answer unload(Force force = Force::no) { return answer(play.unload(model, force)); }
  void remove() {
    CatalogueChanged change;
    change.removed.push_back(model);
    play.feed(change);
  }
};

ModelSpec one_at_a_time() {
  ModelSpec spec = Play::sized(gib(3));
  spec.concurrency = 1;
  return spec;
}

// Its worker is ready and holds a lease that lasts, so that whoever comes next has to wait.
struct Occupied : Setting {
  RequestId holder;
  explicit Occupied(const Behaviour& behaviour = Behaviour())
      : Setting(behaviour, one_at_a_time()), holder(play.ask(model, {.lease = kHangs})) {
    play.run_for(1s);
  }
};

const Behaviour kImmortal{.stop = kHangs, .kill = kHangs};

// --- unknown_model --------------------------------------------------------------------------------------------
Answer asked_for_nothing_known() {
  Setting s;
  return s.answer(s.play.ask(ModelId{99}));
}
Answer unloads_nothing_known() {
  Setting s;
  return s.answer(s.play.unload(ModelId{99}));
}
Answer removed_while_it_waits() {
  Setting s({.load = kHangs});
  const RequestId waiter = s.play.ask(s.model);
  s.remove();
  return s.answer(waiter);
}
Answer asked_while_the_last_lease_of_a_removed_model_lasts() {
  Occupied s;
  s.remove();
  return s.ask();
}

// --- queue_full -----------------------------------------------------------------------------------------------
Answer one_more_than_may_wait() {
  ModelSpec spec = Play::sized(gib(3));
  spec.queue_limit = 2;
  Setting s({.load = kHangs}, spec);
  CHECK_FALSE(s.ask());
  CHECK_FALSE(s.ask());
  return s.ask();
}

// --- deadline -------------------------------------------------------------------------------------------------
Answer deadline_comes_while_it_waits() {
  Setting s({.load = kHangs});
  const RequestId waiter = s.play.ask(s.model, {.deadline = 3s});
  s.play.run_for(3s - 1ns);
  CHECK_FALSE(s.answer(waiter));
  s.play.run_for(1ns);
  return s.answer(waiter);
}
Answer too_late_already() {
  Setting s;
  return s.ask({.deadline = 0s});
}
Answer too_late_already_though_the_model_is_ready() {
  Setting s;
  s.play.ask(s.model);
  s.play.run_for(1s);
  return s.ask({.deadline = 0s});
}

// --- not_ready ------------------------------------------------------------------------------------------------
Answer wants_it_only_if_ready_and_it_is_cold() {
  Setting s;
  return s.ask({.only = Patience::only_if_ready});
}
Answer wants_it_only_if_ready_and_it_is_loading() {
  Setting s({.load = kHangs});
  s.play.ask(s.model);
  return s.ask({.only = Patience::only_if_ready});
}
Answer the_worker_it_waited_for_leaves() {
  Occupied s;
  const RequestId waiter = s.play.ask(s.model, {.only = Patience::only_if_ready});
  CHECK_FALSE(s.answer(waiter));
  s.play.at(s.play.now(), Exited{s.play.worker(s.model), "crashed"});
  s.play.run_for(0s);
  return s.answer(waiter);
}

// --- unloading ------------------------------------------------------------------------------------------------
Answer asked_while_it_drains_for_an_unload() {
  Occupied s;
  s.unload();
  CHECK(s.play.stage(s.model) == Stage::draining);
  return s.ask();
}
Answer asked_while_it_stops_for_an_unload() {
  Setting s({.stop = 5s});
  s.play.ask(s.model);
  s.play.run_for(1s);
  s.unload();
  CHECK(s.play.stage(s.model) == Stage::stopping);
  return s.ask();
}
Answer waits_when_unloaded_by_force() {
  Occupied s;
  const RequestId waiter = s.play.ask(s.model);
  s.unload(Force::yes);
  return s.answer(waiter);
}
Answer waits_for_the_load_when_unloaded_by_force() {
  Setting s({.load = kHangs});
  const RequestId waiter = s.play.ask(s.model);
  s.unload(Force::yes);
  return s.answer(waiter);
}

// --- load_failed ----------------------------------------------------------------------------------------------
Answer waits_for_a_load_that_fails() {
  Setting s({.load_error = "no such file"});
  const RequestId waiter = s.play.ask(s.model);
  s.play.run_for(100ms);
  return s.answer(waiter);
}
Answer asked_while_the_failed_worker_stops() {
  Setting s({.stop = 5s, .load_error = "no such file"});
  s.play.ask(s.model);
  s.play.run_for(1s);
  CHECK(s.play.stage(s.model) == Stage::stopping);
  return s.ask();
}
Answer asked_while_it_backs_off() {
  Setting s({.load_error = "no such file"});
  s.play.ask(s.model);
  s.play.run_for(120ms);
  CHECK(s.play.stage(s.model) == Stage::failed);
  return s.ask();
}

// --- will_not_die ---------------------------------------------------------------------------------------------
Answer waits_for_what_cannot_be_ended() {
  Setting s(kImmortal);
  s.play.ask(s.model, {.keep = Keep{0s}});
  s.play.run_for(1s);
  CHECK(s.play.stage(s.model) == Stage::stopping);
  const RequestId waiter = s.play.ask(s.model);
  s.play.run_for(1min);
  return s.answer(waiter);
}
Answer asked_for_what_cannot_be_ended() {
  Setting s(kImmortal);
  s.play.ask(s.model, {.keep = Keep{0s}});
  s.play.run_for(1min);
  return s.ask();
}
Answer its_unload_cannot_end_it() {
  Setting s(kImmortal);
  s.play.ask(s.model);
  s.play.run_for(1s);
  const RequestId unload = s.play.unload(s.model);
  s.play.run_for(1min);
  return s.answer(unload);
}
Answer unloads_what_could_not_be_ended() {
  Setting s(kImmortal);
  s.play.ask(s.model, {.keep = Keep{0s}});
  s.play.run_for(1min);
  return s.unload(Force::yes);
}

// --- too_large, taken_by_pins ---------------------------------------------------------------------------------
Answer larger_than_the_device() {
  Setting s;
  return s.answer(s.play.ask(s.play.add(Play::sized(gib(5)))));
}
Answer a_pinned_model_holds_what_it_needs() {
  Occupied s;
  s.play.feed(Pin{s.model, true});
  return s.answer(s.play.ask(s.play.add(Play::sized(gib(2)))));
}
Answer an_immortal_worker_holds_what_it_needs() {
  Setting s(kImmortal);
  s.play.ask(s.model, {.keep = Keep{0s}});
  s.play.run_for(1min);
  return s.answer(s.play.ask(s.play.add(Play::sized(gib(2)))));
}

// --- shutting_down --------------------------------------------------------------------------------------------
Answer asked_during_shutdown() {
  Occupied s;
  s.play.feed(Shutdown{s.play.now() + 1min});
  return s.ask();
}
Answer waits_when_shutdown_begins() {
  Occupied s;
  const RequestId waiter = s.play.ask(s.model);
  s.play.feed(Shutdown{s.play.now() + 1min});
  return s.answer(waiter);
}

// --- loading, pinned ------------------------------------------------------------------------------------------
Answer unloads_what_somebody_waits_for() {
  Setting s({.load = kHangs});
  const RequestId waiter = s.play.ask(s.model);
  const Answer answer = s.unload();
  CHECK(s.play.stage(s.model) == Stage::loading);
  CHECK_FALSE(s.answer(waiter));
  return answer;
}
Answer unloads_what_is_pinned() {
  Occupied s;
  s.play.feed(Pin{s.model, true});
  return s.unload();
}

struct Situation {
  std::string_view name;
  Answer (*answer)();
};
#define SITUATION(function) \
  Situation { #function, &function }

constexpr Reason kLast = Reason::pinned;

// No default: a reason that is added has to be demanded here.
std::vector<Situation> situations(Reason reason) {
  switch (reason) {
    case Reason::unknown_model:
      return {SITUATION(asked_for_nothing_known), SITUATION(unloads_nothing_known), SITUATION(removed_while_it_waits),
              SITUATION(asked_while_the_last_lease_of_a_removed_model_lasts)};
    case Reason::queue_full: return {SITUATION(one_more_than_may_wait)};
    case Reason::deadline:
      return {SITUATION(deadline_comes_while_it_waits), SITUATION(too_late_already),
              SITUATION(too_late_already_though_the_model_is_ready)};
    case Reason::not_ready:
      return {SITUATION(wants_it_only_if_ready_and_it_is_cold), SITUATION(wants_it_only_if_ready_and_it_is_loading),
              SITUATION(the_worker_it_waited_for_leaves)};
    case Reason::unloading:
      return {SITUATION(asked_while_it_drains_for_an_unload), SITUATION(asked_while_it_stops_for_an_unload),
              SITUATION(waits_when_unloaded_by_force), SITUATION(waits_for_the_load_when_unloaded_by_force)};
    case Reason::load_failed:
      return {SITUATION(waits_for_a_load_that_fails), SITUATION(asked_while_the_failed_worker_stops),
              SITUATION(asked_while_it_backs_off)};
    case Reason::will_not_die:
      return {SITUATION(waits_for_what_cannot_be_ended), SITUATION(asked_for_what_cannot_be_ended),
              SITUATION(its_unload_cannot_end_it), SITUATION(unloads_what_could_not_be_ended)};
    case Reason::too_large: return {SITUATION(larger_than_the_device)};
    case Reason::taken_by_pins:
      return {SITUATION(a_pinned_model_holds_what_it_needs), SITUATION(an_immortal_worker_holds_what_it_needs)};
    case Reason::shutting_down: return {SITUATION(asked_during_shutdown), SITUATION(waits_when_shutdown_begins)};
    case Reason::loading: return {SITUATION(unloads_what_somebody_waits_for)};
    case Reason::pinned: return {SITUATION(unloads_what_is_pinned)};
  }
  std::unreachable();
}

}  // namespace

TEST_CASE("every reason is given in every situation that calls for it") {
  for (int i = 0; i <= static_cast<int>(kLast); ++i) {
    const auto reason = static_cast<Reason>(i);
    CHECK_FALSE(situations(reason).empty());
    for (const Situation& situation : situations(reason)) {
      INFO(situation.name);
      const Answer answer = situation.answer();
      CHECK(answer.has_value());
      if (answer) CHECK(static_cast<int>(answer->reason) == i);
    }
  }
}

TEST_CASE("a refusal says what its reader needs") {
  const Answer failed = asked_while_it_backs_off();
  REQUIRE(failed);
  CHECK(failed->detail == "no such file");
  CHECK(failed->retry_at > TimePoint{1000s} + 120ms);
  CHECK(failed->retry_at < kNever);
  const Answer pinned = a_pinned_model_holds_what_it_needs();
  REQUIRE(pinned);
  CHECK(pinned->device == kHost);
  CHECK(pinned->needed == gib(2));
  CHECK(pinned->available == gib(1));
}

TEST_CASE("a gentle unload cancels a load that nobody waits for") {
  Setting s({.load = kHangs});
  s.play.feed(Preload{s.model});
  REQUIRE(s.play.stage(s.model) == Stage::loading);
  const RequestId unload = s.play.unload(s.model);
  CHECK(s.play.stage(s.model) == Stage::stopping);
  s.play.run_for(1s);
  CHECK_FALSE(s.play.request(unload).refused);
  CHECK(s.play.unloaded().contains(unload));
  CHECK(s.play.stage(s.model) == Stage::cold);
}

TEST_CASE("an operator's request does not wait for the back-off that refuses a client's") {
  Setting s({.load_error = "no such file"});
  s.play.ask(s.model);
  s.play.run_for(120ms);
  CHECK_FALSE(s.ask({.origin = Origin::operator_}));
  CHECK(s.play.stage(s.model) == Stage::loading);
}
