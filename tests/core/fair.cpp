// The end of each history: the world turns fair, and everybody must get an answer.
#include <algorithm>

#include "world.hpp"

namespace rouse::core::testing {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBound = 4h;  // every request that waits now and has longer must be answered within

}  // namespace

void World::fair_phase() {
  choices_.begin(steps_);
  fair_ = true;
  weather_ = Weather::fair();
  if (!oracle_.shutting_down()) {  // somebody wants each model, with time to wait
    for (std::uint32_t i = 1; i <= models_; ++i) {
      Submit request = make_request(ModelId{i});
      request.deadline = now_ + 24h;
      request.patience = Patience::may_wait;
      tell(request);
    }
  }
  const auto calm_down = [&] {
    for (auto& [device, chip] : machine_.chips) {
      chip.outsiders = Bytes{};
      chip.shared = false;
    }
    for (auto& [worker, holder] : machine_.holders) holder.uses = Bytes{};
    for (auto& [worker, tree] : machine_.trees) {  // what nobody can tell from an outsider's leaves with the outsiders
      for (DeviceBytes& share : tree.real) {
        const auto chip = machine_.chips.find(share.device);
        if (chip != machine_.chips.end() && !chip->second.attributed)
          share.bytes = std::min(share.bytes, bytes_on(tree.planned, share.device));
      }
    }
    std::erase_if(machine_.trees, [](const auto& item) { return !item.second.alive; });  // the samples will show it
  };
  const TimePoint begun = now_;
  const TimePoint end = begun + kBound;
  for (const auto& [id, asked] : oracle_.requests()) {
    if (asked.worker) calendar_.note(now_ + seconds(100, 60'000), Happening::lease_ends, id.value);
  }
  const std::uint32_t greedy = persistent_ && !oracle_.shutting_down() ? choices_.between(1, 2) : 0;
  std::vector<Submit> again;
  for (std::uint32_t i = 0; i < greedy; ++i) again.push_back(make_request(some_model()));
  std::vector<RequestId> owed;
  for (const auto& [id, asked] : oracle_.requests()) {
    if (asked.unload || asked.deadline > end) owed.push_back(id);
  }
  const auto all_answered = [&] {
    return std::ranges::none_of(owed, [&](RequestId id) {
      const auto it = oracle_.requests().find(id);
      return it != oracle_.requests().end() && !it->second.worker;
    });
  };
  Duration between = persistent_ ? 2s : 1s;
  while (now_ < end && (!all_answered() || (oracle_.shutting_down() && now_ < begun + 5min))) {
    calm_down();
    for (const auto& [device, chip] : machine_.chips) tell(machine_.sample(device));
    for (Submit& request : again) {  // clients who never stop asking
      const auto outstanding = std::ranges::count_if(oracle_.requests(), [&](const auto& item) {
        return item.second.model == request.model && item.second.since >= begun;
      });
      if (outstanding > 3 || now_ > begun + 1h) continue;
      request.request = RequestId{next_request_++};
      request.deadline = now_ + 10min;
      request.patience = Patience::may_wait;
      tell(request);
    }
    pass(between);
    if (!persistent_ || now_ > begun + 1h) between = std::min<Duration>(between * 2, 60s);
  }
  oracle_.finish(now_, owed);
}

}  // namespace rouse::core::testing
