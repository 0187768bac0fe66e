#include "system/worker_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "system/characters.hpp"

namespace rouse::system {
namespace {

constexpr std::string_view kCutMark = " …";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    const bool shown = character.kind == CharacterKind::plain || character.kind == CharacterKind::control;
    result += shown ? character.bytes : kReplacement;
    text.remove_prefix(character.bytes.size());
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
  end_line(Author::us);
}

void WorkerLog::flush() {
  escape_ = Escape::none;
  if (!open_.empty()) end_line();
}

void WorkerLog::end_line(Author author) {
  restart_ = false;
  // A cut may fall inside a character: what is left of that goes, too.
  if (std::exchange(cut_, false)) {
    while (!open_.empty() && (static_cast<unsigned char>(open_.back()) & 0xC0) == 0x80) open_.pop_back();
    if (!open_.empty() && static_cast<unsigned char>(open_.back()) >= 0xC0) open_.pop_back();
    open_ += kCutMark;
  }
  LogLine line{next_++, clock_.wall(), clean(open_), author == Author::us};
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

std::vector<LogLine> WorkerLog::written_since(std::uint64_t first, std::size_t lines) const {
  std::vector<LogLine> found;
  if (!open_.empty() && lines > 0) found.push_back({next_, clock_.wall(), clean(open_)});
  for (auto line = lines_.rbegin(); line != lines_.rend() && line->number >= first && found.size() < lines; ++line) {
    if (!line->is_note) found.push_back(*line);
  }
  std::ranges::reverse(found);
  return found;
}

WorkerLog::Following WorkerLog::follow(Follower follower) {
  Following following;
  following.followers_ = followers_;
  following.key_ = next_follower_++;
  followers_->emplace(following.key_, std::move(follower));
  return following;
}

}  // namespace rouse::system
