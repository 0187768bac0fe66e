// The turns of the world: what clients, operators, other programs and bad luck do next.
#include <algorithm>
#include <iterator>

#include "world.hpp"

namespace rouse::core::testing {
namespace {

using namespace std::chrono_literals;

Placement more(Placement placement) {  // by a quarter
  for (DeviceBytes& share : placement) {
    if (!is_group(share.device)) share.bytes += Bytes{share.bytes.count / 4};
  }
  return placement;
}

}  // namespace

Duration World::lapse() {
  switch (choices_.weighted({30, 14, 18, 16, 11, 8, 2, 1})) {
    case 0: return 0s;
    case 1: return seconds(1, 60);
    case 2: return seconds(60, 1'000);
    case 3: return seconds(1'000, 5'000);
    case 4: return seconds(5'000, 15'000);
    case 5: return seconds(15'000, 70'000);
    case 6: return seconds(70'000, 400'000);
    default: return 1h;
  }
}

void World::turn() {
  pass(lapse());
  switch (choices_.weighted({44, 6, 6, 4, 6, 10, 16, 3, 5})) {
    case 0: return submit();
    case 1:
      for (std::uint32_t i = choices_.between(2, 7); i > 0; --i) submit();
      return;
    case 2:
      if (const auto request = some_request(false)) client_leaves(*request, choices_.percent(50));
      if (choices_.percent(30)) nobody_waits_for(choices_.percent(50));
      return;
    case 3:
      if (const auto request = some_request(true))
        tell(Finish{*request, choices_.percent(80) ? Outcome::ok : Outcome::failed});
      return;
    case 4: return choices_.percent(30) ? reserve() : outsider();
    case 5: return measure();
    case 6: return operator_acts();
    case 7: return crash();
    default: return choices_.percent(60) ? catalogue() : nonsense();
  }
}

Submit World::make_request(ModelId model) {
  Submit request;
  request.request = RequestId{next_request_++};
  request.model = model;
  request.client = ClientId{choices_.between(1, 4)};
  request.priority =
      choices_.one_of({Priority::normal, Priority::normal, Priority::normal, Priority::low, Priority::high});
  switch (choices_.weighted({40, 10, 4, 1, 45})) {
    case 0: request.deadline = now_ + 10min; break;
    case 1: request.deadline = now_ + seconds(1'000, 60'000); break;
    case 2: request.deadline = now_ + seconds(1, 500); break;
    case 3: request.deadline = now_; break;
    default: request.deadline = now_ + 24h;
  }
  switch (choices_.weighted({60, 10, 12, 6, 12})) {
    case 0: break;
    case 1: request.keep = Keep{0s}; break;
    case 2: request.keep = Keep{5s}; break;
    case 3: request.keep = Keep{5min}; break;
    default: request.keep = Keep::forever();
  }
  if (choices_.percent(4)) request.patience = Patience::only_if_ready;
  if (choices_.percent(4)) request.origin = Origin::operator_;
  return request;
}

void World::submit() {
  const Submit request = make_request(choices_.percent(2) ? ModelId{99} : some_model());
  if (choices_.percent(25)) {  // its client gives up after a while, and may ask again for ever
    const Duration gives_up = seconds(500, 16'000);
    calendar_.note(now_ + gives_up, Happening::client_leaves, request.request.value);
    if (choices_.percent(60)) {
      memories_[next_memory_] = Memory{request, gives_up};
      remembered_[request.request] = next_memory_++;
    }
  }
  tell(request);
}

void World::reserve() {
  auto it = machine_.chips.begin();
  std::advance(it, choices_.below(static_cast<std::uint32_t>(machine_.chips.size())));
  Reserve wish{.request = RequestId{next_request_++},
               .reservation = ModelId{next_reservation_++},
               .device = it->first,
               .bytes = Bytes{it->second.budget.limit.count / 100 * choices_.between(5, 105)},
               .client = ClientId{choices_.between(1, 4)},
               .deadline = now_ + (choices_.percent(70) ? Duration(10min) : seconds(0, 30'000))};
  wish.priority = choices_.one_of({Priority::normal, Priority::normal, Priority::low, Priority::high});
  wish.lasts = choices_.percent(40) ? Duration::max() : seconds(100, 60'000);
  if (choices_.percent(25)) calendar_.note(now_ + seconds(500, 16'000), Happening::client_leaves, wish.request.value);
  tell(wish);
}

// Where its memory ran out, if that is why it ends.
std::vector<DeviceId> World::runs_out(WorkerId worker) {
  const auto tree = machine_.trees.find(worker);
  if (tree == machine_.trees.end() || !choices_.percent(weather_.runs_out)) return {};
  std::vector<DeviceId> devices;
  for (const DeviceBytes& share : tree->second.planned) {
    if (!is_group(share.device) && (devices.empty() || choices_.percent(50))) devices.push_back(share.device);
  }
  return devices;
}

void World::client_leaves(RequestId request, bool comes_back) {
  const auto asked = oracle_.requests().find(request);
  if (asked == oracle_.requests().end() || asked->second.worker || asked->second.unload) return;
  if (const auto it = remembered_.find(request); it != remembered_.end()) {
    if (comes_back) calendar_.note(now_ + seconds(1, 12'000), Happening::client_returns, it->second);
    remembered_.erase(it);
  }
  tell(Abandon{request});
}

// All who wait for what is being made room for leave at once.
void World::nobody_waits_for(bool for_good) {
  const auto& plans = scheduler_->view().plans;
  if (plans.empty()) return;
  const ModelId waiter = plans.begin()->first;
  const std::vector<RequestId> waiting = oracle_.models().at(waiter).waiting;
  for (const RequestId request : waiting) client_leaves(request, !for_good);
}

void World::operator_acts() {
  ModelId model = some_model();
  if (choices_.percent(35)) {
    const Stage rare = choices_.one_of({Stage::draining, Stage::draining, Stage::failed, Stage::failed, Stage::asleep});
    model = some_model_in(rare).value_or(model);
  }
  if (choices_.percent(50)) {  // what is brief is hit seldom
    for (const Stage brief : {Stage::sleeping, Stage::waking}) model = some_model_in(brief).value_or(model);
    if (oracle_.models().at(model).stage == Stage::waking && choices_.percent(40))
      return tell(
          Unload{.request = RequestId{next_request_++}, .model = model, .force = Force::yes, .deadline = now_ + 1s});
  }
  switch (choices_.weighted({16, 16, 14, 14, 20, 8, 16, 2})) {
    case 0: return tell(Pin{model, true});
    case 1: return tell(Pin{model, false});
    case 2:
      return tell(
          Unload{.request = RequestId{next_request_++}, .model = model, .force = Force::no, .deadline = kNever});
    case 3:
      return tell(Unload{.request = RequestId{next_request_++},
                         .model = model,
                         .force = Force::yes,
                         .deadline = now_ + (choices_.percent(30) ? Duration{} : seconds(100, 20'000))});
    case 4: return tell(Preload{model, choices_.one_of({Evicts::no, Evicts::yes, Evicts::yes})});
    case 5: return tell(Forget{model});
    case 6: {
      Submit load = make_request(model);
      load.origin = Origin::operator_;
      return tell(load);
    }
    default:
      if (!choices_.percent(10)) return;
      return tell(Shutdown{now_ + seconds(0, 30'000)});
  }
}

void World::outsider() {
  auto it = machine_.chips.begin();
  std::advance(it, choices_.below(static_cast<std::uint32_t>(machine_.chips.size())));
  Chip& chip = it->second;
  const auto total = static_cast<std::uint32_t>(chip.budget.total.count >> 30);
  switch (choices_.weighted({40, 35, 15, 10})) {
    case 0: chip.outsiders = gib(choices_.between(0, total / 2)); break;
    case 1: chip.outsiders = Bytes{}; break;
    case 2: chip.outsiders = gib(total); break;
    default: chip.outsiders = mib(choices_.between(0, total * 1000));
  }
  if (choices_.percent(30)) chip.shared = !chip.shared;
  if (choices_.percent(60)) tell(machine_.sample(it->first));
}

void World::measure() {
  if (choices_.percent(15)) {
    if (const auto worker = some_worker(choices_.percent(50))) {
      return tell(FootprintMeasured{*worker, machine_.measured(machine_.trees.at(*worker))});
    }
  }
  const bool all = choices_.percent(50);
  const std::uint32_t one = choices_.below(static_cast<std::uint32_t>(machine_.chips.size()));
  for (const auto& [device, chip] : machine_.chips) {
    if (all || device.value == one) tell(machine_.sample(device));
  }
}

void World::crash() {
  auto worker = some_worker(choices_.percent(75));
  const Stage rare = choices_.one_of({Stage::draining, Stage::draining, Stage::sleeping, Stage::asleep, Stage::waking});
  if (const auto model = some_model_in(rare); model && choices_.percent(60))
    worker = oracle_.models().at(*model).current;
  if (!worker) return;
  ends(*worker);
  tell(Exited{*worker, "killed by signal 9", runs_out(*worker)});
}

ModelSpec World::make_spec(ModelId id) {
  ModelSpec spec;
  spec.id = id;
  spec.revision = next_revision_++;
  const auto devices = static_cast<std::uint32_t>(machine_.chips.size());
  const auto size = [&](DeviceId device) {
    const std::int64_t offers = machine_.chips.at(device).budget.limit.count;
    const std::uint32_t share = choices_.percent(6) ? choices_.between(100, 140) : choices_.between(10, 90);
    return Bytes{offers / 100 * share};
  };
  const DeviceId first{choices_.below(devices)};
  spec.placements.push_back({{first, size(first)}});
  if (first.value != 0 && choices_.percent(30))
    spec.placements.front().insert(spec.placements.front().begin(), {kHost, mib(choices_.between(200, 2'000))});
  if (devices > 1 && choices_.percent(35)) {
    const DeviceId other{(first.value + 1) % devices};
    spec.placements.push_back({{other, size(other)}});
  }
  spec.size_source =
      choices_.one_of({SizeSource::configured, SizeSource::estimated, SizeSource::estimated, SizeSource::measured});
  spec.priority =
      choices_.one_of({Priority::normal, Priority::normal, Priority::normal, Priority::low, Priority::high});
  if (choices_.percent(15)) {
    spec.learnt.footprint = spec.placements.front();
    for (DeviceBytes& share : *spec.learnt.footprint)
      share.bytes.count = share.bytes.count / 100 * choices_.between(40, 130);
    spec.learnt.load = seconds(100, 40'000);
    if (choices_.percent(30)) spec.learnt.needed = more(*spec.learnt.footprint);
  }
  spec.trims = choices_.percent(30);
  spec.pinned = choices_.percent(6);
  spec.preload = choices_.percent(10);
  spec.keep = choices_.one_of({Keep{5min}, Keep{5min}, Keep{60s}, Keep{3s}, Keep{0s}, Keep::forever()});
  spec.concurrency = choices_.one_of({1U, 1U, 2U, 4U});
  spec.queue_limit = choices_.one_of({1024U, 1024U, 1024U, 3U});
  if (choices_.percent(60)) spec.min_residency = choices_.one_of({2'000ms, 0ms, 30'000ms});
  spec.stop_grace = choices_.one_of({10'000ms, 1'000ms});
  if (group_ && choices_.percent(60)) {
    for (Placement& placement : spec.placements) placement.push_back({kFirstGroup, Bytes{1}});
    for (auto* known : {&spec.learnt.footprint, &spec.learnt.needed}) {
      if (*known) (*known)->push_back({kFirstGroup, Bytes{1}});
    }
  }
  if (choices_.percent(45)) {
    spec.asleep = Placement{{kHost, mib(choices_.one_of({0U, 100U, 1'000U, 3'000U}))}};
    if (first.value != 0 && choices_.percent(50)) {
      const Bytes awake = bytes_on(spec.placements.front(), first);
      spec.asleep->push_back({first, Bytes{awake.count / 100 * choices_.between(5, 60)}});
    }
    spec.sleep_grace = choices_.one_of({60'000ms, 5'000ms});
    spec.keep_asleep = choices_.one_of({Keep::forever(), Keep{60s}, Keep{5s}});
  }
  return spec;
}

void World::catalogue() {
  CatalogueChanged change;
  const ModelId id = some_model();
  const auto known = oracle_.models().find(id);
  const bool exists = known != oracle_.models().end() && !known->second.removed;
  const std::size_t kind = choices_.weighted({30, 20, 15, 15, 20});
  if (kind == 3 && exists) {
    change.removed.push_back(id);
  } else if (kind == 4 && group_ && choices_.percent(25)) {
    group_->limit = group_->total = Bytes{choices_.between(1, 2)};
    change.budgets.push_back(*group_);
  } else if (kind == 4) {
    auto it = machine_.chips.begin();
    std::advance(it, choices_.below(static_cast<std::uint32_t>(machine_.chips.size())));
    Budget& budget = it->second.budget;
    budget.limit = Bytes{budget.total.count / 100 * choices_.between(40, 100)};
    change.budgets.push_back(budget);
  } else {
    ModelSpec spec = make_spec(id);
    if (exists && kind == 1) {  // another policy for the same thing
      const ModelSpec fresh = spec;
      spec = known->second.spec;
      spec.priority = fresh.priority;
      spec.keep = fresh.keep;
      spec.concurrency = fresh.concurrency;
      spec.pinned = fresh.pinned;
    } else if (exists && kind == 2) {  // its size has been learnt
      const ModelSpec fresh = spec;
      spec = known->second.spec;
      spec.learnt.load = fresh.learnt.load;
      spec.learnt.footprint = spec.placements.front();
      for (DeviceBytes& share : *spec.learnt.footprint) {
        if (!is_group(share.device)) share.bytes.count = share.bytes.count / 100 * choices_.between(60, 120);
      }
      if (choices_.percent(50)) spec.learnt.needed = more(*spec.learnt.footprint);
    }
    change.changed.push_back(spec);
  }
  tell(change);
}

// What comes late, twice or out of nowhere: the scheduler must not mind.
void World::nonsense() {
  const WorkerId stale{choices_.between(0, 40)};
  const RequestId request{choices_.between(1, static_cast<std::uint32_t>(next_request_))};
  const auto tree = machine_.trees.find(stale);
  const bool lives = tree != machine_.trees.end() && tree->second.alive;
  switch (choices_.weighted({1, 1, 1, 1, 1, 1, 1, 4})) {
    case 0:
      if (!lives) tell(Loaded{stale});
      return;
    case 1:
      if (!lives) tell(LoadFailed{stale, "late"});
      return;
    case 2:
      if (!lives) tell(Exited{stale, "again"});
      return;
    case 3:
      if (tree == machine_.trees.end()) tell(BytesReturned{stale});
      return;
    case 4:
      if (lives || tree == machine_.trees.end()) tell(BytesReturned{stale, {kHost}});
      return;
    case 5: return tell(Abandon{request});
    case 6:
      if (const auto it = oracle_.requests().find(request); it == oracle_.requests().end() || !it->second.worker)
        tell(Finish{request, Outcome::ok});
      return;
    default:  // the shell lost its patience sooner than the core
      if (const auto model =
              some_model_in(choices_.one_of({Stage::loading, Stage::loading, Stage::loading, Stage::stopping,
                                             Stage::stopping, Stage::sleeping, Stage::waking})))
        tell(EffectTimedOut{*oracle_.models().at(*model).current});
  }
}

ModelId World::some_model() { return ModelId{choices_.between(1, models_)}; }

std::optional<ModelId> World::some_model_in(Stage stage) {
  std::vector<ModelId> found;
  for (const auto& [id, model] : oracle_.models()) {
    if (model.stage == stage) found.push_back(id);
  }
  if (found.empty()) return std::nullopt;
  return found[choices_.below(static_cast<std::uint32_t>(found.size()))];
}

std::optional<WorkerId> World::some_worker(bool ready) {
  std::vector<WorkerId> found;
  for (const auto& [worker, tree] : machine_.trees) {
    if (tree.alive && tree.loaded == ready) found.push_back(worker);
  }
  if (found.empty()) return std::nullopt;
  return found[choices_.below(static_cast<std::uint32_t>(found.size()))];
}

std::optional<RequestId> World::some_request(bool admitted) {
  std::vector<RequestId> found;
  for (const auto& [id, asked] : oracle_.requests()) {
    if (!asked.unload && asked.worker.has_value() == admitted) found.push_back(id);
  }
  if (found.empty()) return std::nullopt;
  return found[choices_.below(static_cast<std::uint32_t>(found.size()))];
}

}  // namespace rouse::core::testing
