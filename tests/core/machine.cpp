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
  sample.used += std::min(chip.outsiders, std::max(Bytes{}, sample.total - sample.used));  // they get what is left
  return sample;
}

}  // namespace rouse::core::testing
