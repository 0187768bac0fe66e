#include "system/warming.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <thread>

#include "system/fd.hpp"
#include "system/io_ring.hpp"
#include "system/page_cache.hpp"

namespace rouse::system {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{512} << 10;
constexpr std::size_t kDeep = 8;     // pieces at once by io_uring
constexpr std::size_t kThreads = 4;  // where it is not allowed
constexpr Bytes kBetweenLooks = mib(64);

// Memory for pieces, given back to the system at once.
class Buffers {
 public:
  explicit Buffers(std::size_t count) : size_(count * kPiece) {
    void* const mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at_ = mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
  }
  ~Buffers() {
    if (at_ != nullptr) ::munmap(at_, size_);
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  bool there() const { return at_ != nullptr; }
  std::span<std::byte> operator[](std::size_t index) const { return {at_ + index * kPiece, kPiece}; }

 private:
  std::size_t size_;
  std::byte* at_;
};

struct Piece {
  std::shared_ptr<Fd> file;  // shared by the pieces that are being read
  std::int64_t offset = 0;
  std::size_t size = 0;
};

// What is still to be read, in order; whoever reads takes the next piece of it.
class Pieces {
 public:
  Pieces(const std::vector<fs::path>& files, const std::function<Bytes()>& room, const std::stop_token& stop)
      : files_(files), room_(room), stop_(stop) {}

  // Any thread.
  std::optional<Piece> next() {
    const std::scoped_lock lock(mutex_);
    while (!stop_.stop_requested()) {
      if (offset_ >= size_ && !open_next()) return std::nullopt;
      if (offset_ >= size_) continue;
      Piece piece{.file = file_,
                  .offset = offset_,
                  .size = static_cast<std::size_t>(std::min<std::int64_t>(kPiece, size_ - offset_))};
      const Bytes bytes{static_cast<std::int64_t>(piece.size)};
      offset_ += bytes.count;
      if (left_until_look_ < bytes) {
        if (room() < kBetweenLooks) return std::nullopt;
        left_until_look_ = kBetweenLooks;
      }
      left_until_look_ -= bytes;
      if (there_[static_cast<std::size_t>(piece.offset) / kPiece]) {
        present_ += bytes;
        continue;
      }
      taken_ += bytes;
      return piece;
    }
    return std::nullopt;
  }
  Bytes present() const { return present_; }

 private:
  // To the kernel what we have read is free still, since it can be dropped: and would be, for the rest of it.
  Bytes room() {
    const Bytes now = room_();
    if (!at_first_) at_first_ = now;
    return std::min(now, *at_first_ - taken_);
  }

  bool open_next() {
    if (next_ == files_.size()) return false;
    file_ = std::make_shared<Fd>(::open(files_[next_++].c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat found{};
    const bool readable = file_->open() && ::fstat(file_->get(), &found) == 0 && S_ISREG(found.st_mode);
    offset_ = 0;
    size_ = readable ? found.st_size : 0;
    // As it is before we read: what is on its way since then is waited for, so that no more is asked of the disk at
    // once.
    there_.clear();
    for (std::int64_t at = 0; at < size_; at += static_cast<std::int64_t>(kPiece)) {
      const Bytes length{std::min<std::int64_t>(kPiece, size_ - at)};
      there_.push_back(cached_bytes(file_->get(), Bytes{at}, length) == length);
    }
    return true;
  }

  const std::vector<fs::path>& files_;
  const std::function<Bytes()>& room_;
  const std::stop_token& stop_;
  std::optional<Bytes> at_first_;  // the room then
  Bytes taken_;                    // of it
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::shared_ptr<Fd> file_;  // shared with the pieces that are being read
  std::int64_t offset_ = 0;
  std::int64_t size_ = 0;
  std::vector<bool> there_;  // of the file, piece by piece
  Bytes left_until_look_;
  Bytes present_;
};

// Of the processors: on a machine that is busy, reading for somebody costs them more than it saves. The threads that
// this one starts do so, too.
void take_only_idle_time() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
}

Bytes read_by_ring(Pieces& pieces, IoRing& ring, const Buffers& buffers) {
  std::vector<Piece> reading(kDeep);
  std::vector<std::size_t> idle(kDeep);
  std::iota(idle.begin(), idle.end(), 0);
  Bytes read;
  bool more = true;
  while (more || ring.under_way() > 0) {
    while (more && !idle.empty()) {
      auto piece = pieces.next();
      const std::size_t at = idle.back();
      more = piece && ring.read(piece->file->get(), piece->offset, buffers[at].first(piece->size), at);
      if (!more) break;
      idle.pop_back();
      reading[at] = std::move(*piece);
    }
    const auto done = ring.wait();
    if (!done) break;
    reading[done->tag] = {};
    idle.push_back(done->tag);
    if (done->result <= 0) more = false;  // shorter than it was, or unreadable
    read += Bytes{std::max(0, done->result)};
  }
  return read;
}

Bytes read_by_threads(Pieces& pieces, const Buffers& buffers) {
  std::atomic<std::int64_t> read = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&pieces, &buffers, &read, i] {
        while (const auto piece = pieces.next()) {
          const ssize_t got = ::pread(piece->file->get(), buffers[i].data(), piece->size, piece->offset);
          if (got <= 0) return;
          read += got;
        }
      });
    }
  }
  return Bytes{read};
}

}  // namespace

Warmed warm(const std::vector<fs::path>& files, const std::function<Bytes()>& room, const std::stop_token& stop,
            Requests by) {
  take_only_idle_time();
  const Buffers buffers(kDeep);
  if (!buffers.there()) return {};
  Pieces pieces(files, room, stop);
  const auto ring = by == Requests::io_uring ? IoRing::create(kDeep) : nullptr;
  Warmed warmed{.read = {}, .present = {}, .by = ring ? Requests::io_uring : Requests::threads};
  warmed.read = ring ? read_by_ring(pieces, *ring, buffers) : read_by_threads(pieces, buffers);
  warmed.present = pieces.present();
  return warmed;
}

}  // namespace rouse::system
