// Choices a history is made of: 64-bit records, one for each turn of the world.
//
// A turn draws first from the eight bytes of its record, one a choice, then from a generator seeded with it, so that
// removing a record removes one turn and leaves the others as they were: what a shrinker and a fuzzer need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace rouse::core::testing {

class Choices {
 public:
  explicit Choices(std::span<const std::uint64_t> records) : records_(records) {}

  // Moves on to the next record. False when there is none left.
  bool next() {
    if (position_ == records_.size()) return false;
    begin(records_[position_++]);
    return true;
  }
  void begin(std::uint64_t record) {
    word_ = record;
    mixed_ = record;
    left_ = 8;
  }

  // A number in [0, n).
  std::uint32_t below(std::uint32_t n) {
    if (n <= 1) return 0;
    if (left_ == 0 || n > 256) return static_cast<std::uint32_t>(mix() % n);
    const auto byte = static_cast<std::uint32_t>(word_ & 0xff);
    word_ >>= 8;
    --left_;
    return byte * n / 256;
  }
  // A number in [low, high].
  std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
  bool percent(std::uint32_t share) { return below(100) < share; }
  // An index, as often as its weight says.
  std::size_t weighted(std::span<const std::uint32_t> weights) {
    std::uint32_t sum = 0;
    for (const std::uint32_t w : weights) sum += w;
    std::uint32_t point = below(sum);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (point < weights[i]) return i;
      point -= weights[i];
    }
    return 0;
  }
  std::size_t weighted(std::initializer_list<std::uint32_t> weights) {
    return weighted(std::span(weights.begin(), weights.size()));
  }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + below(static_cast<std::uint32_t>(values.size())));
  }

 private:
  std::uint64_t mix() {  // splitmix64
    std::uint64_t z = (mixed_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::span<const std::uint64_t> records_;
  std::size_t position_ = 0;
  std::uint64_t word_ = 0;
  std::uint64_t mixed_ = 0;
  int left_ = 0;
};

}  // namespace rouse::core::testing
