// Reads that are under way at the same time, by io_uring: one thread keeps a disk busy.
//
// By raw system calls, since that is all there is to it. A container may forbid io_uring, an administrator too
// (kernel.io_uring_disabled): then create() gives nothing. Used by one thread. Its destructor waits for what is under
// way, as the kernel writes into the buffers until then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

// NOLINTBEGIN(readability-identifier-naming): the kernel's names
struct io_uring_cqe;
struct io_uring_sqe;
// NOLINTEND(readability-identifier-naming)

namespace rouse::system {

class IoRing {
 public:
  static std::unique_ptr<IoRing> create(std::uint32_t most_at_once);
  ~IoRing();
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  std::uint32_t under_way() const { return under_way_; }  // never more than `most_at_once` may be
  // From now on; `into` is the kernel's until wait() gives `tag`.
  bool read(int file, std::int64_t offset, std::span<std::byte> into, std::uint64_t tag);

  struct Done {
    std::uint64_t tag = 0;
    std::int32_t result = 0;  // bytes, or a negative errno
  };
  // The next that is done; waits for it. Nothing when none is under way, or the kernel gives none.
  std::optional<Done> wait();

 private:
  struct Mapping {
    std::byte* at = nullptr;
    std::size_t size = 0;
    bool map(int ring, std::size_t bytes, std::int64_t offset);
    ~Mapping();
  };
  IoRing() = default;
  bool set_up(std::uint32_t entries);

  int ring_ = -1;
  Mapping queues_;
  Mapping entries_;
  std::uint32_t* submitted_ = nullptr;  // the tail of what we hand over
  std::uint32_t* slots_ = nullptr;
  std::uint32_t slot_mask_ = 0;
  std::uint32_t* taken_ = nullptr;     // the head of what we get back
  std::uint32_t* returned_ = nullptr;  // its tail
  std::uint32_t done_mask_ = 0;
  io_uring_cqe* done_ = nullptr;
  std::uint32_t under_way_ = 0;
};

}  // namespace rouse::system
