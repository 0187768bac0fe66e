// A request that another model answers than the one that was asked for.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/ids.hpp"

namespace rouse::daemon {

enum class StandsIn : std::uint8_t {
  loading,  // it was not ready
  failed,   // it refused, or broke before it had begun to answer
};

inline std::string_view name(StandsIn why) {
  switch (why) {
    case StandsIn::loading: return "loading";
    case StandsIn::failed: return "failed";
  }
  std::unreachable();
}

struct InPlaceOf {
  ModelId model;  // that was asked for
  StandsIn why = StandsIn::failed;
};

}  // namespace rouse::daemon
