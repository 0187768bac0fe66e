#include "system/worker_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rouse::system {
namespace {

constexpr std::string_view kCutMark = " …";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The length of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  // Neither overlong, nor a surrogate, nor beyond U+10FFFF.
  if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F)) return 0;
  if ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return 0;
  return length;
}

// A control character of C1 (U+0080 … U+009F), or one that turns the direction of text around.
bool is_hidden(std::string_view character) {
  if (character.size() == 2) return character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
  return character.size() == 3 && character[0] == '\xE2' &&
         ((character[1] == '\x80' && character[2] >= '\xAA' && character[2] <= '\xAE') ||
          (character[1] == '\x81' && character[2] >= '\xA6' && character[2] <= '\xA9'));
}

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    result += length == 0 || is_hidden(character) ? kReplacement : character;
    text.remove_prefix(character.size());
  }
  return result;
}

}  // namespace

WorkerLog::Following& WorkerLog::Following::operator=(Following&& other) noexcept {
  if (this == &other) return *this;
  stop();
  followers_ = std::move(other.followers_);
  key_ = other.key_;
  return *this;
}

void WorkerLog::Following::stop() {
  if (const auto followers = followers_.lock()) followers->erase(key_);
  followers_.reset();
}

WorkerLog::WorkerLog(const Clock& clock, std::size_t capacity)
    : clock_(clock), capacity_(capacity), followers_(std::make_shared<std::map<std::uint64_t, Follower>>()) {}

void WorkerLog::append(std::string_view bytes) {
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    switch (escape_) {
      case Escape::none: break;
      case Escape::begun: escape_ = byte == '[' ? Escape::sequence : Escape::none; continue;
      case Escape::sequence:
        if (code >= 0x40 && code <= 0x7E) escape_ = Escape::none;
        if (byte != '\n') continue;
        escape_ = Escape::none;
        break;
    }
    if (byte == '\n') {
      end_line();
    } else if (byte == '\x1B') {
      escape_ = Escape::begun;
    } else if (byte == '\r') {
      restart_ = true;  // a progress line: what follows replaces it, unless the line ends here
    } else if (byte == '\t' || (code >= 0x20 && code != 0x7F)) {
      if (std::exchange(restart_, false)) std::exchange(cut_, false), open_.clear();
      if (open_.size() < kLongestLine) {
        open_ += byte;
      } else {
        cut_ = true;
      }
    }
  }
}

void WorkerLog::note(std::string_view text) {
  flush();
  append(text);
  end_line();
}

void WorkerLog::flush() {
  escape_ = Escape::none;
  if (!open_.empty()) end_line();
}

void WorkerLog::end_line() {
  restart_ = false;
  // A cut may fall inside a character: what is left of that goes, too.
  if (std::exchange(cut_, false)) {
    while (!open_.empty() && (static_cast<unsigned char>(open_.back()) & 0xC0) == 0x80) open_.pop_back();
    if (!open_.empty() && static_cast<unsigned char>(open_.back()) >= 0xC0) open_.pop_back();
    open_ += kCutMark;
  }
  LogLine line{next_++, clock_.wall(), clean(open_)};
  open_.clear();
  held_ += line.text.size() + sizeof(LogLine);
  lines_.push_back(line);
  while (held_ > capacity_ && !lines_.empty()) {
    held_ -= lines_.front().text.size() + sizeof(LogLine);
    lines_.pop_front();
    ++dropped_;
  }
  // A follower may end its own following, or another's: each is looked up anew.
  const auto followers = followers_;
  for (auto next = followers->begin(); next != followers->end();) {
    const std::uint64_t key = next->first;
    const Follower follower = next->second;
    follower(line);
    next = followers->upper_bound(key);
  }
}

std::vector<LogLine> WorkerLog::tail(std::size_t lines) const {
  const std::size_t count = std::min(lines, lines_.size());
  return {std::prev(lines_.end(), static_cast<std::ptrdiff_t>(count)), lines_.end()};
}

WorkerLog::Following WorkerLog::follow(Follower follower) {
  Following following;
  following.followers_ = followers_;
  following.key_ = next_follower_++;
  followers_->emplace(following.key_, std::move(follower));
  return following;
}

}  // namespace rouse::system
