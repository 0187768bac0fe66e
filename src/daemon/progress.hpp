// How far a load is, and how long it will still take: from the bytes that have come, and from the loads of the same
// model before it.
//
// A load is compared with the one before that began with about as much of its files in the page cache (its course).
// What is left of it is of two kinds, which are slow or fast for reasons of their own. Waiting for the disk goes by the
// bytes that are still to come from there, and by how long one waited for such bytes, most of all just now. All else
// goes by the course: the bytes say where on it the load stands, and the time that it took to get there how much slower
// or faster it is. Where no bytes come for a while, as when an engine warms itself up, the processor time that it uses
// and the clock go on from the last place that was known. Without a course the clock and the time that loads are known
// to take have to do, and without that the bytes alone.
//
// What is told never goes back, and is never all: that is for whoever sees the model ready to say. Values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "daemon/learnt.hpp"

namespace rouse::daemon {

// What can be seen of a load from outside.
struct LoadEvidence {
  Bytes files;        // their size
  Bytes cached;       // of them, in the page cache
  Bytes resident;     // what the processes hold, mapped file pages included
  Bytes was_read;     // by them, with read(2) and the like
  Duration worked{};  // processor time that they have used
  Bytes footprint;    // what they are expected to hold when ready; zero: nobody knows
};

// What has come from a disk, and for how long there was nothing to do but wait for it.
struct Fetched {
  Bytes bytes;
  Duration waited{};
};

// How the bytes of a load came, from its start until it was ready.
class LoadCourse {
 public:
  LoadCourse() = default;
  // `usual`: what is known of the disk from before.
  explicit LoadCourse(const LoadEvidence& first, const Fetched& usual = {});

  void add(Duration at, const LoadEvidence& evidence);
  void end(Duration took) { took_ = took; }

  double cold() const { return cold_; }  // share of the files that had to come from a disk
  Duration took() const { return took_; }
  std::size_t points() const { return points_.size(); }  // that it is kept by
  const Fetched& fetched() const { return fetched_; }
  const Fetched& fetched_lately() const { return lately_; }  // what came long ago counts for next to nothing
  // Of the time until `at`, what was not waiting for a disk.
  Duration busy_until(Duration at) const;
  // Between which times of this course as much had come; a hundredth more or less is the same.
  struct Span {
    Duration from{};
    Duration to{};
  };
  Span when(Bytes moved) const;
  // Where it stood when so much more time had gone by, and so much more work had been done, than at `from`.
  Duration after(Duration from, Duration passed, Duration worked) const;

 private:
  struct Point {
    Duration at{};
    Bytes moved;
    double effort = 0;
    Duration waited{};
  };
  void fetch(Duration at, const LoadEvidence& evidence);
  double effort_at(Duration at) const;
  double cold_ = 0;
  Duration took_{};
  Fetched fetched_;
  Fetched lately_;
  Duration seen_{};  // when it was last looked at, and what was seen then
  Bytes cached_;
  Duration worked_{};
  std::vector<Point> points_;  // ascending in all
  std::size_t every_ = 1;      // so many are one, so that there are never too many
  std::size_t since_ = 0;
};

// Of one model: the latest course with cold files, and the latest with cached ones.
class LoadCourses {
 public:
  void add(LoadCourse course);
  bool empty() const { return !cold_ && !cached_; }
  // The one that began most like this.
  const LoadCourse* like(double cold) const;
  // As far as one has had to wait for a disk.
  Fetched fetched() const;

 private:
  std::optional<LoadCourse> cold_;
  std::optional<LoadCourse> cached_;
};

class Progress {
 public:
  // `usual`: how long loads of this model take, as far as is known without courses. `least`: what has been told
  // already.
  Progress(TimePoint since, std::optional<Duration> usual, double least = 0);

  // The first evidence, from which it follows which course this load may be compared with; without one, how long loads
  // that begin so were known to take.
  void begin(const LoadEvidence& first, const LoadCourses& before, const LoadTimes& times = {});
  void see(TimePoint now, const LoadEvidence& evidence);

  struct Estimate {
    double done = 0;               // from 0 to 0.99
    std::optional<Duration> left;  // until it is ready
    Bytes present;                 // of what has to come from the disk and into memory
    Bytes needed;
  };
  Estimate at(TimePoint now);
  LoadCourse ended(TimePoint now) &&;  // ready
  TimePoint since() const { return since_; }
  double cold() const { return course_.cold(); }

 private:
  std::optional<Duration> left(TimePoint now) const;
  double pace() const;                   // seconds of this load for one of the course, waiting for a disk left out
  Duration wait_for(Bytes bytes) const;  // from a disk
  double share() const;                  // of the bytes

  TimePoint since_;
  std::optional<Duration> usual_;
  std::optional<LoadCourse> before_;
  LoadCourse course_;
  Bytes cached_at_first_;
  Bytes to_fetch_;
  LoadEvidence latest_;
  Duration worked_{};    // when it was last looked at
  Duration position_{};  // on the course
  TimePoint positioned_;
  double told_ = 0;
};

}  // namespace rouse::daemon
