#include "api/event_splitter.hpp"

#include <utility>

namespace rouse::api {
namespace {

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string data_of(std::string_view event) {
  constexpr std::string_view kData = "data:";
  std::string data;
  bool first = true;
  while (!event.empty()) {
    const std::size_t end = event.find('\n');
    std::string_view line = without_return(event.substr(0, end));
    event.remove_prefix(end == std::string_view::npos ? event.size() : end + 1);
    if (!line.starts_with(kData)) continue;
    line.remove_prefix(kData.size());
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!std::exchange(first, false)) data += '\n';
    data += line;
  }
  return data;
}

}  // namespace

void EventSplitter::add(std::string_view bytes) {
  buffer_.erase(0, event_);
  line_ -= event_;
  at_ -= event_;
  event_ = 0;
  buffer_ += bytes;
}

std::optional<StreamEvent> EventSplitter::next() {
  const std::string_view all = buffer_;
  while (true) {
    const std::size_t end = all.find('\n', at_);
    if (end == std::string_view::npos) {
      at_ = all.size();
      return std::nullopt;
    }
    const bool empty = without_return(all.substr(line_, end - line_)).empty();
    line_ = at_ = end + 1;
    if (!empty) continue;
    const std::string_view raw = all.substr(event_, at_ - event_);
    event_ = at_;
    return StreamEvent{raw, data_of(raw)};
  }
}

}  // namespace rouse::api
