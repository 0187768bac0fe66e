#include "world.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <format>
#include <utility>

#include "show.hpp"

namespace rouse::core::testing {
namespace {

using namespace std::chrono_literals;

Policy choose_policy(std::span<const std::uint64_t> records) {
  Policy policy;
  const std::uint64_t seed = records.empty() ? 0 : records.front();
  if (seed % 5 == 0) policy.value = &least_recently_used;
  if (seed % 7 == 0) policy.patience = 3s;
  if (seed % 11 == 0) policy.backoff_longest = 30s;
  return policy;
}

// An assertion of the core ends the process: say first what led to it.
thread_local const World* running = nullptr;
void report_abort(int) {
  std::signal(SIGABRT, SIG_DFL);
  if (running != nullptr) std::fputs(running->history(60).c_str(), stderr);
  std::fflush(stderr);
  std::abort();
}

template <class T>
constexpr bool same_effects(const T& a, const T& b) {
  return std::ranges::equal(a, b, [](const Effect& x, const Effect& y) { return show(x) == show(y); });
}

}  // namespace

World::World(std::span<const std::uint64_t> records)
    : choices_(records), policy_(choose_policy(records)), oracle_(policy_) {
  scheduler_.emplace(policy_);
  twin_.emplace(policy_);
}

std::optional<Violation> World::run() {
  const World* const before = std::exchange(running, this);
  auto* const handler = std::signal(SIGABRT, report_abort);
  std::optional<Violation> found;
  try {
    configure();
    while (choices_.next()) turn();
    fair_phase();
  } catch (Violation& violation) {
    found = std::move(violation);
  } catch (const std::exception& error) {
    found = Violation{0, std::format("the core threw: {}", error.what())};
  }
  std::signal(SIGABRT, handler);
  running = before;
  return found;
}

void World::configure() {
  choices_.next();
  const std::uint32_t rough = choices_.below(4);
  if (rough == 0) weather_ = {2, 0, 0, 1, 1, 5, 2, 0, 3, 3, 0, 2, 5};
  if (rough == 3) weather_ = {12, 5, 5, 8, 15, 25, 25, 40, 20, 15, 6, 6, 20};
  persistent_ = choices_.percent(40);
  CatalogueChanged first;
  const std::uint32_t gpus = choices_.below(4);
  for (std::uint32_t i = 0; i <= gpus; ++i) {
    const std::uint32_t size = choices_.between(6, 16);
    const Budget budget{.device = DeviceId{i},
                        .total = gib(size),
                        .limit = choices_.percent(50) ? gib(size) : mib(size * 820),
                        .reserve = choices_.percent(30) ? gib(1) : Bytes{}};
    machine_.chips[budget.device] = Chip{.budget = budget, .attributed = choices_.percent(75), .outsiders = {}};
    first.budgets.push_back(budget);
  }
  if (choices_.percent(35)) {
    const Bytes places{choices_.between(1, 2)};
    group_ = Budget{.device = kFirstGroup, .total = places, .limit = places, .reserve = {}};
    first.budgets.push_back(*group_);
  }
  models_ = choices_.between(2, 6);
  for (std::uint32_t i = 1; i <= models_; ++i) first.changed.push_back(make_spec(ModelId{i}));
  tell(first);
}

void World::tell(const Event& event) {
  ++steps_;
  if (const auto* const finish = std::get_if<Finish>(&event)) {
    const auto asked = oracle_.requests().find(finish->request);
    if (asked != oracle_.requests().end() && asked->second.worker) machine_.holders.erase(*asked->second.worker);
  }
  told_.push_back({now_, event, {}});
  const Effects& effects = told_.back().effects = scheduler_->step(event, now_);
  const Effects again = twin_->step(event, now_);
  if (effects.size() != again.size()) violate(0, "the same history has led to other effects");
  if (steps_ % 16 == 0 && !same_effects(effects, again)) violate(0, "the same history has led to other effects");
  oracle_.saw(told_.back().event, now_, effects, scheduler_->view());
  for (const Effect& effect : effects) obey(effect);
}

void World::obey(const Effect& effect) {
  if (const auto* const start_worker = std::get_if<StartWorker>(&effect)) return start(*start_worker);
  if (const auto* const stop_worker = std::get_if<StopWorker>(&effect)) return stop(stop_worker->worker, false);
  if (const auto* const kill_worker = std::get_if<KillWorker>(&effect)) return stop(kill_worker->worker, true);
  if (const auto* const trimmed = std::get_if<TrimWorker>(&effect)) return trim(trimmed->worker);
  if (const auto* const sleep = std::get_if<SleepWorker>(&effect)) return rest(sleep->worker, Happening::sleeps);
  if (const auto* const wake = std::get_if<WakeWorker>(&effect)) return rest(wake->worker, Happening::wakes);
  if (const auto* const admit = std::get_if<Admit>(&effect)) return admitted(admit->request);
  if (const auto* const refuse = std::get_if<Refuse>(&effect)) return refused(*refuse);
  if (const auto* const cut = std::get_if<CutLease>(&effect))
    return calendar_.note(now_ + seconds(0, 20), Happening::lease_breaks, cut->request.value);
  if (const auto* const wake = std::get_if<WakeAt>(&effect)) timer_ = wake->time;
}

void World::start(const StartWorker& effect) {
  Tree tree{.worker = effect.worker, .model = effect.model, .planned = effect.placement, .real = effect.placement};
  const bool outgrows = choices_.percent(weather_.outgrows);
  const std::uint32_t share = outgrows ? choices_.between(110, 160) : choices_.one_of({100U, 100U, 70U});
  for (DeviceBytes& part : tree.real) {
    if (!is_group(part.device)) part.bytes.count = part.bytes.count * share / 100;
  }
  const std::uint64_t id = effect.worker.value;
  const Duration bound = std::max<Duration>(policy_.load_timeout, 40min) + 1s;
  if (choices_.percent(weather_.start_fails)) {
    machine_.trees.insert_or_assign(effect.worker, tree);
    return calendar_.note(now_ + seconds(0, 50), Happening::start_fails, id);
  }
  const Duration takes = choices_.percent(weather_.slow_loads) ? seconds(5'000, 60'000) : seconds(50, 8'000);
  switch (choices_.weighted({weather_.load_fails, weather_.load_crashes, weather_.load_hangs,
                             100 - weather_.load_fails - weather_.load_crashes - weather_.load_hangs})) {
    case 0: calendar_.note(now_ + takes, Happening::load_fails, id); break;
    case 1: calendar_.note(now_ + takes, Happening::exits, id); break;
    case 2: calendar_.note(now_ + bound, Happening::times_out, id); break;
    default:
      calendar_.note(now_ + takes, Happening::loads, id);
      if (outgrows || choices_.percent(30)) calendar_.note(now_ + takes + seconds(0, 3'000), Happening::measured, id);
      if (choices_.percent(weather_.crashes))
        calendar_.note(now_ + takes + seconds(1, 40'000), Happening::exits, id, UINT32_MAX);
  }
  machine_.trees.insert_or_assign(effect.worker, std::move(tree));
}

void World::stop(WorkerId worker, bool kill) {
  const auto it = machine_.trees.find(worker);
  if (it == machine_.trees.end() || !it->second.alive) return;
  Tree& tree = it->second;
  ++tree.epoch;
  const bool ignores = kill ? tree.ignores_kill : choices_.percent(weather_.ignores_stop);
  if (kill && !fair_) tree.ignores_kill = tree.ignores_kill || choices_.percent(weather_.ignores_kill);
  if (ignores || (kill && tree.ignores_kill)) {
    calendar_.note(now_ + 15s, Happening::times_out, worker.value, tree.epoch);
    if (kill && choices_.percent(50))  // it ends after all, long after it has been given up
      calendar_.note(now_ + seconds(20'000, 400'000), Happening::exits, worker.value, UINT32_MAX);
    return;
  }
  calendar_.note(now_ + (choices_.percent(80) ? seconds(1, 900) : seconds(900, 9'000)), Happening::exits, worker.value,
                 tree.epoch);
}

// It drops its caches, which may be nothing.
void World::trim(WorkerId worker) {
  const auto it = machine_.trees.find(worker);
  if (it == machine_.trees.end() || !it->second.alive || choices_.percent(weather_.trim_hangs)) return;
  calendar_.note(now_ + seconds(1, 3'000), Happening::trims, worker.value, UINT32_MAX);
}

// It falls asleep or wakes, or fails to; what it takes awake it may take from the moment it is woken.
void World::rest(WorkerId worker, Happening then) {
  const auto it = machine_.trees.find(worker);
  if (it == machine_.trees.end() || !it->second.alive) return;
  Tree& tree = it->second;
  ++tree.epoch;
  if (then == Happening::sleeps) tree.asleep = *oracle_.account().holdings().at(worker).stays;
  if (then == Happening::wakes) tree.sleeps = false;
  const std::uint32_t well = 100 - weather_.rest_fails - weather_.rest_hangs - weather_.rest_crashes;
  const Duration takes = choices_.percent(50) ? seconds(1, 2'000) : seconds(2'000, 20'000);
  switch (choices_.weighted({weather_.rest_fails, weather_.rest_hangs, weather_.rest_crashes, well})) {
    case 0: return calendar_.note(now_ + takes, Happening::rest_fails, worker.value, tree.epoch);
    case 1: return;  // the core has asked to be woken for that
    case 2: return calendar_.note(now_ + takes, Happening::exits, worker.value, tree.epoch);
    default: return calendar_.note(now_ + takes, then, worker.value, tree.epoch);
  }
}

// The process tree is gone; its bytes may take their time.
// Its bytes on one device are back at once; those on others take their time.
void World::comes_back_in_part(WorkerId worker) {
  const auto it = machine_.trees.find(worker);
  if (it == machine_.trees.end() || !choices_.percent(30)) return;
  Placement& real = it->second.real;
  DeviceBytes& share = real.at(choices_.between(0, static_cast<std::uint32_t>(real.size() - 1)));
  if (is_group(share.device)) return;
  share.bytes = Bytes{};
  tell(BytesReturned{worker, {share.device}});
}

void World::ends(WorkerId worker) {
  Tree& tree = machine_.trees.at(worker);
  tree.alive = false;
  ++tree.epoch;
  for (const auto& [id, asked] : oracle_.requests()) {
    if (asked.worker == worker) calendar_.note(now_ + seconds(0, 60), Happening::lease_breaks, id.value);
  }
  const std::uint64_t id = worker.value;
  switch (choices_.weighted({weather_.late_bytes, weather_.silent_bytes, weather_.leaks,
                             100 - weather_.late_bytes - weather_.silent_bytes - weather_.leaks})) {
    case 0: {
      const Duration late = seconds(5'000, 40'000);
      calendar_.note(now_ + late, Happening::bytes_go, id);
      if (choices_.percent(60)) calendar_.note(now_ + late, Happening::bytes_said, id);
      break;
    }
    case 1: calendar_.note(now_ + seconds(0, 9'000), Happening::bytes_go, id); break;
    case 2: break;
    default: {
      const Duration soon = seconds(0, 600);
      calendar_.note(now_ + soon, Happening::bytes_go, id);
      calendar_.note(now_ + soon, Happening::bytes_said, id);
    }
  }
}

void World::admitted(RequestId request) {
  if (const Asked& asked = oracle_.requests().at(request); is_reservation(asked.model)) {
    const DeviceBytes promised = oracle_.models().at(asked.model).spec.placements.front().front();
    const Bytes uses{promised.bytes.count / 100 * choices_.one_of({0, 50, 100, 100, 130})};
    machine_.holders[*asked.worker] = Holder{promised.device, uses, choices_.percent(50)};
  }
  if (const auto it = remembered_.find(request); it != remembered_.end()) {
    memories_.erase(it->second);
    remembered_.erase(it);
  }
  Duration lasts = choices_.percent(75) ? seconds(1, 2'000) : seconds(1'000, 30'000);
  if (choices_.percent(weather_.long_leases)) lasts = 1h;
  if (fair_) lasts = std::min<Duration>(lasts, 3s);
  calendar_.note(now_ + lasts, Happening::lease_ends, request.value);
}

void World::refused(const Refuse& refuse) {
  const auto it = remembered_.find(refuse.request);
  if (it == remembered_.end()) return;
  calendar_.note(now_ + seconds(500, 12'000), Happening::client_returns, it->second);
  remembered_.erase(it);
}

void World::pass(Duration time) {
  const TimePoint until = now_ + time;
  while (true) {
    const TimePoint next = std::min(timer_, calendar_.next());
    if (next > until) break;
    if (next > now_) rings_ = 0;
    now_ = std::max(now_, next);
    if (timer_ <= calendar_.next()) {
      timer_ = kNever;
      if (++rings_ > 8) violate(12, "asks again and again to be woken at the same moment");
      tell(Tick{});
    } else {
      happen(calendar_.take());
    }
  }
  if (until > now_) rings_ = 0;
  now_ = until;
}

void World::happen(const Due& due) {
  const WorkerId worker{due.subject};
  const RequestId request{due.subject};
  const auto it = machine_.trees.find(worker);
  const bool lives = it != machine_.trees.end() && it->second.alive;
  const bool current = lives && (it->second.epoch == due.epoch || due.epoch == UINT32_MAX);
  switch (due.what) {
    case Happening::start_fails:
      if (!lives) return;
      machine_.trees.erase(it);
      return tell(EffectFailed{worker, "no such program"});
    case Happening::loads:
      if (!current) return;
      it->second.loaded = true;
      return tell(Loaded{worker});
    case Happening::sleeps:
      if (!current) return;
      it->second.sleeps = true;
      return tell(Slept{worker});
    case Happening::wakes:
      if (current) tell(Woken{worker});
      return;
    case Happening::rest_fails:
      if (current) tell(SleepFailed{worker, "500"});
      return;
    case Happening::load_fails:
      if (current) tell(LoadFailed{worker, "cannot read the file", runs_out(worker)});
      return;
    case Happening::exits:
      if (!current) return;
      ends(worker);
      tell(Exited{worker, "exit", runs_out(worker)});
      return comes_back_in_part(worker);
    case Happening::measured: {
      if (!lives) return;
      return tell(FootprintMeasured{worker, machine_.measured(it->second)});
    }
    case Happening::trims: {
      if (!lives) return;
      Tree& tree = it->second;
      const std::uint32_t left = choices_.one_of({100U, 80U, 30U});
      for (DeviceBytes& share : tree.real) {
        if (!is_group(share.device) && !tree.sleeps) share.bytes.count = share.bytes.count * left / 100;
      }
      tell(FootprintMeasured{worker, machine_.measured(tree)});
      return tell(Trimmed{worker});
    }
    case Happening::bytes_go:
      if (it != machine_.trees.end() && !lives) machine_.trees.erase(it);
      return;
    case Happening::bytes_said: return tell(BytesReturned{worker});
    case Happening::times_out:
      if (current) tell(EffectTimedOut{worker});
      return;
    case Happening::lease_ends:
    case Happening::lease_breaks: {
      const auto asked = oracle_.requests().find(request);
      if (asked == oracle_.requests().end() || !asked->second.worker) return;
      const bool broke = due.what == Happening::lease_breaks;
      return tell(Finish{request, broke ? Outcome::failed : choices_.percent(85) ? Outcome::ok : Outcome::unused});
    }
    case Happening::client_leaves: return client_leaves(request, true);
    case Happening::client_returns: {
      const auto memory = memories_.find(due.subject);
      if (memory == memories_.end() || fair_ || memory->second.times++ > 25) return;
      Submit again = memory->second.request;
      again.request = RequestId{next_request_++};
      again.deadline = now_ + 10min;
      remembered_[again.request] = due.subject;
      calendar_.note(now_ + memory->second.gives_up_after, Happening::client_leaves, again.request.value);
      return tell(again);
    }
    case Happening::sample: return tell(machine_.sample(DeviceId{due.subject}));
  }
}

// Tells it all once more to another scheduler, to show the plans after each step.
std::string World::history(std::size_t at_most) const {
  const std::size_t first = told_.size() > at_most ? told_.size() - at_most : 0;
  std::string text = first > 0 ? std::format("… {} steps before\n", first) : std::string();
  Scheduler again(policy_);
  for (std::size_t i = 0; i < told_.size(); ++i) {
    again.step(told_[i].event, told_[i].now);
    if (i < first) continue;
    const bool last = i + 4 > told_.size();
    if (told_[i].effects.empty() && std::holds_alternative<DeviceMeasured>(told_[i].event) && !last &&
        told_[i].now - told_.front().now > 60s && at_most < SIZE_MAX)
      continue;  // nothing came of it
    text += std::format("{:>12}  {}\n", show(told_[i].now), show(told_[i].event));
    for (const Effect& effect : told_[i].effects) text += std::format("{:>16} {}\n", "→", show(effect));
    for (const auto& [id, plan] : again.view().plans) text += std::format("{:>20} {}\n", "plan", show(plan));
  }
  return text;
}

}  // namespace rouse::core::testing
