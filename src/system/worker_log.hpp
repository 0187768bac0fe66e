// What a model's workers wrote to stdout and stderr: the last lines, bounded in bytes, and whoever follows along.
//
// Owner: the daemon, one for each model; it outlives the workers, so that a crash can be read about afterwards.
// Belongs to the owner thread. What always holds: the lines together hold at most `capacity` bytes; a line holds no
// control character but tab and is valid UTF-8; of one that is longer than kLongestLine bytes the rest is dropped and
// marked. Followers are called inside append(); one may end its own following, or append nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace rouse::system {

struct LogLine {
  std::uint64_t number = 0;  // from 1, never reused
  std::chrono::system_clock::time_point at;
  std::string text;
  bool is_note = false;  // of ours, not a worker's
};

class WorkerLog {
 public:
  using Follower = std::function<void(const LogLine&)>;

  static constexpr std::size_t kLongestLine = 4096;
  static constexpr std::size_t kDefaultCapacity = 256 * 1024;

  // Ends the following when destroyed. May outlive the log.
  class Following {
   public:
    Following() = default;
    Following(Following&& other) noexcept = default;
    Following& operator=(Following&& other) noexcept;
    ~Following() { stop(); }
    void stop();

   private:
    friend class WorkerLog;
    std::weak_ptr<std::map<std::uint64_t, Follower>> followers_;
    std::uint64_t key_ = 0;
  };

  explicit WorkerLog(const Clock& clock, std::size_t capacity = kDefaultCapacity);
  WorkerLog(const WorkerLog&) = delete;
  WorkerLog& operator=(const WorkerLog&) = delete;

  void append(std::string_view bytes);  // raw output, in any portions
  void note(std::string_view text);     // a line of ours between theirs: "started, pid 12"; ends an open line
  void flush();                         // ends an open line: its worker is gone

  std::vector<LogLine> tail(std::size_t lines) const;  // the last so many, oldest first
  // What a worker wrote from line `first` on: the last so many lines without ours among them, oldest first, and at the
  // end the one that is still open.
  std::vector<LogLine> written_since(std::uint64_t first, std::size_t lines) const;
  std::uint64_t next_number() const { return next_; }
  std::uint64_t dropped() const { return dropped_; }  // lines that have left the ring

  [[nodiscard]] Following follow(Follower follower);

 private:
  enum class Escape : std::uint8_t { none, begun, sequence };  // of a terminal: colours and the like are left out

  enum class Author : std::uint8_t { worker, us };

  void end_line(Author author = Author::worker);

  const Clock& clock_;
  std::size_t capacity_;
  std::deque<LogLine> lines_;
  std::size_t held_ = 0;  // bytes of all lines_
  std::uint64_t next_ = 1;
  std::uint64_t dropped_ = 0;
  std::string open_;      // the line that has not ended yet
  bool cut_ = false;      // …and is longer than kLongestLine
  bool restart_ = false;  // a carriage return came: what follows replaces the open line
  Escape escape_ = Escape::none;
  std::shared_ptr<std::map<std::uint64_t, Follower>> followers_;  // shared (weakly) with each Following
  std::uint64_t next_follower_ = 1;
};

}  // namespace rouse::system
