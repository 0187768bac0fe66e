#include "daemon/groups.hpp"

#include <algorithm>
#include <utility>

namespace rouse::daemon {

std::vector<core::Budget> Groups::replace(std::vector<config::Group> groups) {
  configured_ = std::move(groups);
  std::vector<core::Budget> budgets;
  budgets.reserve(configured_.size());
  for (const config::Group& group : configured_) {
    if (!std::ranges::contains(names_, group.name)) names_.push_back(group.name);
    const Bytes places{kPlaceInGroup.count * group.max_loaded};
    budgets.push_back({.device = device(group.name), .total = places, .limit = places, .reserve = {}});
  }
  return budgets;
}

DeviceId Groups::device(std::string_view name) const {
  const auto at = std::ranges::find(names_, name) - names_.begin();
  return {kFirstGroup.value + static_cast<std::uint64_t>(at)};
}

std::string_view Groups::name(DeviceId device) const { return names_.at(device.value - kFirstGroup.value); }

core::Placement memory_of(core::Placement placement) {
  std::erase_if(placement,
                [](const core::DeviceBytes& share) { return is_group(share.device) || share.bytes == Bytes{}; });
  return placement;
}

}  // namespace rouse::daemon
