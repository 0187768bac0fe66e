#include "system/io_ring.hpp"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace rouse::system {
namespace {

std::uint32_t seen(std::uint32_t* index) { return std::atomic_ref(*index).load(std::memory_order_acquire); }
void show(std::uint32_t* index, std::uint32_t value) {
  std::atomic_ref(*index).store(value, std::memory_order_release);
}

int enter(int ring, unsigned to_submit, unsigned to_wait_for) {
  const unsigned flags = to_wait_for > 0 ? IORING_ENTER_GETEVENTS : 0U;
  while (true) {
    const long result = ::syscall(SYS_io_uring_enter, ring, to_submit, to_wait_for, flags, nullptr, 0);
    if (result >= 0 || errno != EINTR) return static_cast<int>(result);
  }
}

}  // namespace

bool IoRing::Mapping::map(int ring, std::size_t bytes, std::int64_t offset) {
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
  if (mapped == MAP_FAILED) return false;
  at = static_cast<std::byte*>(mapped);
  size = bytes;
  return true;
}

IoRing::Mapping::~Mapping() {
  if (at != nullptr) ::munmap(at, size);
}

std::unique_ptr<IoRing> IoRing::create(std::uint32_t most_at_once) {
  std::unique_ptr<IoRing> ring(new IoRing);
  if (!ring->set_up(most_at_once)) return nullptr;
  return ring;
}

bool IoRing::set_up(std::uint32_t entries) {
  io_uring_params told{};
  ring_ = static_cast<int>(::syscall(SYS_io_uring_setup, entries, &told));
  if (ring_ < 0 || (told.features & IORING_FEAT_SINGLE_MMAP) == 0) return false;
  const std::size_t size = std::max(std::size_t{told.sq_off.array} + told.sq_entries * sizeof(std::uint32_t),
                                    std::size_t{told.cq_off.cqes} + told.cq_entries * sizeof(io_uring_cqe));
  if (!queues_.map(ring_, size, IORING_OFF_SQ_RING)) return false;
  if (!entries_.map(ring_, told.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES)) return false;
  const auto at = [&](std::uint32_t offset) { return reinterpret_cast<std::uint32_t*>(queues_.at + offset); };
  submitted_ = at(told.sq_off.tail);
  slots_ = at(told.sq_off.array);
  slot_mask_ = *at(told.sq_off.ring_mask);
  taken_ = at(told.cq_off.head);
  returned_ = at(told.cq_off.tail);
  done_mask_ = *at(told.cq_off.ring_mask);
  done_ = reinterpret_cast<io_uring_cqe*>(queues_.at + told.cq_off.cqes);
  return true;
}

IoRing::~IoRing() {
  while (under_way_ > 0 && wait()) continue;
  if (ring_ >= 0) ::close(ring_);
}

bool IoRing::read(int file, std::int64_t offset, std::span<std::byte> into, std::uint64_t tag) {
  const std::uint32_t tail = *submitted_;
  const std::uint32_t slot = tail & slot_mask_;
  io_uring_sqe entry{};
  entry.opcode = IORING_OP_READ;
  entry.fd = file;
  entry.off = static_cast<std::uint64_t>(offset);
  entry.addr = reinterpret_cast<std::uint64_t>(into.data());
  entry.len = static_cast<std::uint32_t>(into.size());
  entry.user_data = tag;
  reinterpret_cast<io_uring_sqe*>(entries_.at)[slot] = entry;
  slots_[slot] = slot;
  show(submitted_, tail + 1);
  if (enter(ring_, 1, 0) != 1) {
    show(submitted_, tail);
    return false;
  }
  ++under_way_;
  return true;
}

std::optional<IoRing::Done> IoRing::wait() {
  if (under_way_ == 0) return std::nullopt;
  const std::uint32_t head = *taken_;
  if (head == seen(returned_) && (enter(ring_, 0, 1) < 0 || head == seen(returned_))) return std::nullopt;
  const io_uring_cqe& next = done_[head & done_mask_];
  const Done done{.tag = next.user_data, .result = next.res};
  show(taken_, head + 1);
  --under_way_;
  return done;
}

}  // namespace rouse::system
