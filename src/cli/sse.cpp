#include "cli/sse.hpp"

namespace rouse::cli {

void SseReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (after_return_ && piece.front() == '\n') piece.remove_prefix(1);
    after_return_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      line_.append(piece);
      return;
    }
    after_return_ = piece[end] == '\r';
    if (line_.empty()) {
      take_line(piece.substr(0, end));
    } else {
      line_.append(piece.substr(0, end));
      take_line(line_);
      line_.clear();
    }
    piece.remove_prefix(end + 1);
  }
}

void SseReader::take_line(std::string_view line) {
  if (line.empty()) {
    if (has_data_) handlers_.event(data_);
    data_.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (colon == 0) {
    handlers_.comment(value);
  } else if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
}

}  // namespace rouse::cli
