// Takes a stream of server-sent events apart, however it is cut into pieces: whole events come out, as they were sent.
//
//   splitter.add(bytes);
//   while (const auto event = splitter.next()) …event->raw, event->data…
//
// A value with memory of its own. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::api {

struct StreamEvent {
  std::string_view raw;  // every byte, its empty line included; valid until add()
  std::string data;      // of its data lines, joined by line feeds
};

class EventSplitter {
 public:
  void add(std::string_view bytes);
  std::optional<StreamEvent> next();
  // What is no whole event yet.
  std::string_view rest() const { return std::string_view(buffer_).substr(event_); }

 private:
  std::string buffer_;
  std::size_t event_ = 0;  // where the event begins that has not come out yet
  std::size_t line_ = 0;   // where the line begins that is looked at
  std::size_t at_ = 0;     // everything before has been looked at
};

}  // namespace rouse::api
