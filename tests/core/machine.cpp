#include "machine.hpp"

#include <algorithm>

namespace rouse::core::testing {

DeviceMeasured Machine::sample(DeviceId device) const {
  const Chip& chip = chips.at(device);
  DeviceMeasured sample{.device = device, .total = chip.budget.total, .used = {}, .trees = {}};
  if (chip.attributed) sample.trees.emplace();
  for (const auto& [worker, tree] : trees) {
    const Bytes bytes = taken(tree, device);
    sample.used += bytes;
    if (chip.attributed && tree.alive && bytes > Bytes{}) sample.trees->push_back({worker, bytes});
  }
  for (const auto& [worker, holder] : holders) {
    if (holder.device != device) continue;
    const Bytes uses = std::min(holder.uses, std::max(Bytes{}, sample.total - sample.used));
    sample.used += uses;
    if (holder.known && chip.attributed) sample.trees->push_back({worker, uses});
  }
  sample.shared = chip.shared;
  sample.used += std::min(chip.outsiders, std::max(Bytes{}, sample.total - sample.used));  // they get what is left
  return sample;
}

Placement Machine::measured(const Tree& tree) const {
  Placement seen = tree.sleeps ? tree.asleep : tree.real;
  for (DeviceBytes& share : seen) {
    const auto chip = chips.find(share.device);
    if (!tree.sleeps && chip != chips.end() && !chip->second.attributed)
      share.bytes = bytes_on(tree.planned, share.device);
  }
  return seen;
}

}  // namespace rouse::core::testing
