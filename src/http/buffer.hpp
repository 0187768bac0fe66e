// Bytes between two marks in a block that is kept: [begin, end) has arrived and is not used yet.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace rouse::http {

struct Freed {
  void operator()(char* block) const { std::free(block); }
};

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }

  std::size_t size() const { return end_ - begin_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  bool empty() const { return begin_ == end_; }
  std::string_view view() const { return {data_.get() + begin_, size()}; }
  std::span<char> bytes() { return {data_.get() + begin_, size()}; }
  std::span<char> space() { return {data_.get() + end_, capacity_ - end_}; }
  char* data() { return data_.get(); }

  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) clear();
  }
  void keep_front(std::size_t n) { end_ = begin_ + n; }
  void consume_in_place(std::size_t n) { begin_ += n; }  // never moves the marks back: views before it stay
  void produce(std::size_t n) { end_ += n; }
  void clear() { begin_ = end_ = 0; }
  void compact() {
    if (begin_ == 0) return;
    std::memmove(data_.get(), data_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  // Never shrinks. What is there stays, though not at its place.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    char* block = static_cast<char*>(std::realloc(data_.get(), capacity));
    if (block == nullptr) throw std::bad_alloc();
    (void)data_.release();
    data_.reset(block);
    capacity_ = capacity;
  }
  void append(std::string_view more) {
    if (capacity_ - end_ < more.size()) reserve(end_ + more.size());
    if (!more.empty()) std::memcpy(data_.get() + end_, more.data(), more.size());
    end_ += more.size();
  }
  void release() { Buffer().swap(*this); }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

 private:
  std::unique_ptr<char[], Freed> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace rouse::http
