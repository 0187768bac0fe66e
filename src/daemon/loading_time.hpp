// How long a model has been loading, all its loads together: a request waited for the difference between two readings.
//
// A value. Pure.
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace rouse::daemon {

class LoadingTime {
 public:
  void begins(TimePoint now) { since_ = now; }
  void ends(TimePoint now) {
    total_ = until(now);
    since_.reset();
  }
  Duration until(TimePoint now) const { return since_ ? total_ + (now - *since_) : total_; }

 private:
  Duration total_{};
  std::optional<TimePoint> since_;
};

}  // namespace rouse::daemon
