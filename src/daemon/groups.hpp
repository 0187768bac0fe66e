// Groups of models of which so many at most are loaded at once.
//
// For the core each is one more device, which offers as many places as may be loaded, and each of its models takes one
// of them besides its bytes: so that everything that holds for memory (eviction by value, pins, patience, plans) holds
// for groups. What people see of memory leaves them out.
//
// Owner: the catalogue. Owner thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "config/config.hpp"
#include "core/model.hpp"

namespace rouse::daemon {

inline constexpr Bytes kPlaceInGroup{1};

class Groups {
 public:
  // Takes a configuration's groups; gives what the core is told of them.
  std::vector<core::Budget> replace(std::vector<config::Group> groups);

  DeviceId device(std::string_view name) const;  // of a group that there is
  std::string_view name(DeviceId device) const;  // also of one that is no longer configured
  const std::vector<config::Group>& configured() const { return configured_; }

 private:
  std::vector<config::Group> configured_;
  std::vector<std::string> names_;  // that there ever were, each for its device: workers may still be in one
};

// Without places in groups, and devices of which it takes nothing.
core::Placement memory_of(core::Placement placement);

}  // namespace rouse::daemon
