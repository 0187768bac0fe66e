// Which SIGKILLs were the OOM killer's. The kernel counts its kills without saying whom it took, so that each one it
// has counted explains the end of one worker: two workers that it takes at once have both run out of memory, and a kill
// that no worker's end has claimed within a second or two was somebody else's.
//
// A value; whoever owns it reads the kernel's count. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace rouse::system {

class OomKills {
 public:
  explicit OomKills(std::int64_t counted) : seen_(counted) {}

  // Those that explain no end yet.
  std::int64_t unexplained(std::int64_t counted) {
    see(counted);
    return recent_ + older_;
  }
  void explain_one() { --(older_ > 0 ? older_ : recent_); }

  // Called about once a second: what was there at the last call as well is of no more use.
  void grow_old(std::int64_t counted) {
    see(counted);
    older_ = std::exchange(recent_, 0);
  }
  // No worker runs: whatever was counted until now was somebody else's.
  void forget(std::int64_t counted) { *this = OomKills(counted); }

 private:
  void see(std::int64_t counted) {
    recent_ += std::max<std::int64_t>(0, counted - seen_);  // less: another cgroup's count, since we were moved
    seen_ = counted;
  }

  std::int64_t seen_;
  std::int64_t recent_ = 0;
  std::int64_t older_ = 0;
};

}  // namespace rouse::system
