// The latest of something, each under an id that only ever rises: bounded, so that what nobody reads costs nothing. A
// slot is used again, and with it the memory its strings hold. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rouse::api {

template <class T>
class EventRing {
 public:
  explicit EventRing(std::size_t capacity) : capacity_(capacity) {}

  // The slot for a new one, as whoever used it before has left it.
  T& push(std::uint64_t id) {
    if (slots_.size() < capacity_) {
      slots_.push_back({id, T()});
      return slots_.back().value;
    }
    Slot& oldest = slots_[begin_];
    begin_ = (begin_ + 1) % capacity_;
    dropped_ = oldest.id;
    oldest.id = id;
    return oldest.value;
  }

  struct Slot {
    std::uint64_t id = 0;
    T value;
  };
  // The first with a higher id; null when there is none.
  const Slot* after(std::uint64_t id) const {
    std::size_t low = 0;
    std::size_t high = slots_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (at(middle).id > id)
        high = middle;
      else
        low = middle + 1;
    }
    return low < slots_.size() ? &at(low) : nullptr;
  }
  // Whether any with a higher id is here no longer.
  bool has_dropped_after(std::uint64_t id) const { return dropped_ > id; }

 private:
  const Slot& at(std::size_t index) const { return slots_[(begin_ + index) % slots_.size()]; }

  std::size_t capacity_;
  std::vector<Slot> slots_;
  std::size_t begin_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace rouse::api
