// Reads a stream of server-sent events, in pieces of any size, without I/O. Owned by whoever reads the stream.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace rouse::cli {

class SseReader {
 public:
  struct Handlers {
    std::function<void(std::string_view data)> event;    // the data lines of one event, joined by line ends
    std::function<void(std::string_view text)> comment;  // without the colon and one space behind it
  };
  explicit SseReader(Handlers handlers) : handlers_(std::move(handlers)) {}

  void feed(std::string_view piece);

 private:
  void take_line(std::string_view line);

  Handlers handlers_;
  std::string line_;  // as far as it has come
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line ended with CR: an LF that follows belongs to it
};

}  // namespace rouse::cli
