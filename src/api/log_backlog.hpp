// Lines that wait for a follower to read them: bounded, so that a slow reader costs its own lines and not our memory.
// A value.
#pragma once

#include <cstdint>
#include <format>
#include <string>
#include <string_view>
#include <utility>

namespace rouse::api {

class LogBacklog {
 public:
  static constexpr std::size_t kCapacity = std::size_t{256} << 10;

  void add(std::string_view line) {
    if (missed_ > 0 || text_.size() + line.size() + 1 > kCapacity) {
      ++missed_;
      return;
    }
    text_.append(line).append("\n");
  }
  bool empty() const { return text_.empty() && missed_ == 0; }
  std::string take() {
    if (missed_ > 0) text_ += std::format("[{} lines missed]\n", std::exchange(missed_, 0));
    return std::exchange(text_, {});
  }

 private:
  std::string text_;
  std::uint64_t missed_ = 0;
};

}  // namespace rouse::api
