// Walking through the header of a GGUF file: the inside of gguf.cpp, not for others.
//
// Every step may fail, and says so by throwing Broken, which gguf.cpp catches: it goes no further than that.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <format>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "engine/gguf.hpp"

namespace rouse::engine {

struct Broken {
  std::string what;
};

[[noreturn]] inline void broken(std::string what) { throw Broken{std::move(what)}; }

class Source {
 public:
  virtual ~Source() = default;
  // Some of it, and how much: at least one byte, or throws.
  virtual std::size_t read(std::uint64_t at, std::span<std::byte> into) = 0;
};

class Memory final : public Source {
 public:
  explicit Memory(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t read(std::uint64_t at, std::span<std::byte> into) override {
    if (at >= bytes_.size()) broken("the file ends in the middle of its header");
    const std::size_t count = std::min(into.size(), bytes_.size() - static_cast<std::size_t>(at));
    std::memcpy(into.data(), bytes_.data() + at, count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

class File final : public Source {
 public:
  explicit File(int number) : number_(number) {}
  std::size_t read(std::uint64_t at, std::span<std::byte> into) override {
    for (;;) {
      const auto got = ::pread(number_, into.data(), into.size(), static_cast<off_t>(at));
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) broken("the file ends in the middle of its header");
      if (errno != EINTR) broken(std::format("it cannot be read: {}", std::strerror(errno)));
    }
  }

 private:
  int number_;
};

// Walks forward through the header, through a buffer; never beyond the end of the file or kMostHeader.
class Cursor {
 public:
  Cursor(Source& source, std::uint64_t file_size)
      : source_(source), file_size_(file_size), end_(std::min(file_size, kMostHeader)) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return end_ - at_; }

  // Before any loop over `count` things of at least `each` bytes.
  void need(std::uint64_t count, std::uint64_t each, std::string_view what) const {
    if (count <= left() / each) return;
    if (count > (file_size_ - at_) / each)
      broken(std::format("it claims {} {}, more than the file can hold", count, what));
    broken(std::format("its header is longer than {}", to_string(Bytes{kMostHeader})));
  }

  void skip(std::uint64_t bytes) {
    need(bytes, 1, "bytes in one value");
    at_ += bytes;
  }

  template <class T>
  T take() {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<std::byte, sizeof(T)> bytes;
    copy(bytes);
    return std::bit_cast<T>(bytes);
  }

  std::string text(std::uint64_t longest) {
    const auto length = take<std::uint64_t>();
    if (length > longest) broken(std::format("it holds a name of {} bytes", length));
    need(length, 1, "bytes in one string");
    std::string text(static_cast<std::size_t>(length), '\0');
    copy(std::as_writable_bytes(std::span(text)));
    return text;
  }

  void skip_text() { skip(take<std::uint64_t>()); }

 private:
  void copy(std::span<std::byte> into) {
    need(into.size(), 1, "bytes");
    while (!into.empty()) {
      if (at_ < buffer_at_ || at_ >= buffer_at_ + buffered_) fill();
      const auto from = static_cast<std::size_t>(at_ - buffer_at_);
      const std::size_t count = std::min(into.size(), buffered_ - from);
      std::memcpy(into.data(), buffer_.data() + from, count);
      into = into.subspan(count);
      at_ += count;
    }
  }

  void fill() {
    buffered_ = 0;
    buffered_ = source_.read(at_, std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), end_ - at_)));
    buffer_at_ = at_;
  }

  Source& source_;
  std::uint64_t file_size_;
  std::uint64_t end_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> buffer_{std::size_t{128} * 1024};
  std::uint64_t buffer_at_ = 0;
  std::size_t buffered_ = 0;
};

}  // namespace rouse::engine
