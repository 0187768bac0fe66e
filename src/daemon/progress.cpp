#include "daemon/progress.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rouse::daemon {
namespace {

constexpr std::size_t kMostPoints = 256;
constexpr double kMostlyCold = 0.5;
constexpr double kMost = 0.99;       // of a load that is not over
constexpr double kTrust = 1;         // of a course, whose own pace counts so much beside this load's
constexpr double kLately = 0.1;      // of the files: what came before so much of them counts for little
constexpr double kWork = 1;          // a second of the processor's, in seconds
constexpr double kEnough = 0.02;     // of the bytes, before they tell a time by themselves
constexpr double kBytesOnly = 0.95;  // what all of the bytes are worth: an engine does something with them, too

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
Duration duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e9)));
}
double share_of(Bytes part, Bytes whole) {
  return whole.count <= 0 ? 0 : static_cast<double>(part.count) / static_cast<double>(whole.count);
}
Duration part_of(Duration whole, double part) { return duration(seconds(whole) * part); }
Bytes part_of(Bytes whole, double part) {
  return Bytes{static_cast<std::int64_t>(static_cast<double>(whole.count) * part)};
}
// Time that passes counts, and what is done in it counts more: on a busy machine there is less of that.
double effort(Duration passed, Duration worked) { return seconds(passed) + kWork * seconds(worked); }
Bytes moved_of(const LoadEvidence& evidence) { return evidence.resident + evidence.was_read; }

}  // namespace

// --- LoadCourse ---------------------------------------------------------------------------------------------

LoadCourse::LoadCourse(const LoadEvidence& first, const Fetched& usual)
    : cold_(share_of(std::max(Bytes{}, first.files - first.cached), first.files)), cached_(first.cached) {
  lately_.bytes = std::min(usual.bytes, part_of(first.files, kLately));
  lately_.waited = part_of(usual.waited, share_of(lately_.bytes, usual.bytes));
}

void LoadCourse::fetch(Duration at, const LoadEvidence& evidence) {
  const Bytes come = std::max(Bytes{}, evidence.cached - cached_);
  const Duration worked = std::max(Duration{}, evidence.worked - worked_);
  if (come > Bytes{}) {
    const Duration waited = std::max(Duration{}, at - seen_ - worked);
    const double kept = std::exp(-share_of(come, evidence.files) / kLately);
    fetched_ = {.bytes = fetched_.bytes + come, .waited = fetched_.waited + waited};
    lately_ = {.bytes = part_of(lately_.bytes, kept) + come, .waited = part_of(lately_.waited, kept) + waited};
  }
  seen_ = at;
  cached_ += come;
  worked_ += worked;
}

void LoadCourse::add(Duration at, const LoadEvidence& evidence) {
  fetch(at, evidence);
  if (++since_ < every_) return;
  since_ = 0;
  Point point{.at = at, .moved = moved_of(evidence), .effort = effort(at, evidence.worked), .waited = fetched_.waited};
  if (!points_.empty()) {  // processes may end, and take what they held and did with them
    point.moved = std::max(point.moved, points_.back().moved);
    point.effort = std::max(point.effort, points_.back().effort);
  }
  points_.push_back(point);
  if (points_.size() < kMostPoints) return;
  std::size_t kept = 0;
  for (std::size_t i = 1; i < points_.size(); i += 2) points_[kept++] = points_[i];
  points_.resize(kept);
  every_ *= 2;
}

LoadCourse::Span LoadCourse::when(Bytes moved) const {
  if (points_.empty() || points_.back().moved == Bytes{}) return {.from = {}, .to = took_};
  const Bytes most = points_.back().moved;
  const Bytes about{most.count / 100};
  // The first time, on a straight line between two points.
  const auto reached = [&](Bytes bytes) {
    const auto next = std::ranges::lower_bound(points_, bytes, {}, &Point::moved);
    if (next == points_.end()) return took_;
    const Point before = next == points_.begin() ? Point{} : *(next - 1);
    return before.at + part_of(next->at - before.at, share_of(bytes - before.moved, next->moved - before.moved));
  };
  const Duration from = moved <= about ? Duration{} : reached(std::min(moved - about, most));
  return {.from = from, .to = std::max(from, reached(moved + about))};
}

double LoadCourse::effort_at(Duration at) const {
  const auto next = std::ranges::upper_bound(points_, at, {}, &Point::at);
  if (next == points_.end())
    return points_.empty() ? seconds(at) : points_.back().effort + seconds(at - points_.back().at);
  const Point before = next == points_.begin() ? Point{} : *(next - 1);
  return before.effort + (next->effort - before.effort) * seconds(at - before.at) / seconds(next->at - before.at);
}

Duration LoadCourse::busy_until(Duration at) const {
  const auto next = std::ranges::upper_bound(points_, at, {}, &Point::at);
  if (next == points_.end()) return at - fetched_.waited;
  const Point before = next == points_.begin() ? Point{} : *(next - 1);
  const double part = seconds(at - before.at) / seconds(next->at - before.at);
  return at - before.waited - part_of(next->waited - before.waited, part);
}

Duration LoadCourse::after(Duration from, Duration passed, Duration worked) const {
  const double goal = effort_at(from) + effort(passed, worked);
  const auto next = std::ranges::lower_bound(points_, goal, {}, &Point::effort);
  if (next == points_.end()) {
    const Point last = points_.empty() ? Point{} : points_.back();
    const double speed = last.effort > 0 ? last.effort / seconds(last.at) : 1;  // on average
    return last.at + duration((goal - last.effort) / speed);
  }
  const Point before = next == points_.begin() ? Point{} : *(next - 1);
  const double whole = next->effort - before.effort;
  return before.at + part_of(next->at - before.at, whole > 0 ? (goal - before.effort) / whole : 0);
}

// --- LoadCourses --------------------------------------------------------------------------------------------

void LoadCourses::add(LoadCourse course) { (course.cold() > kMostlyCold ? cold_ : cached_) = std::move(course); }

const LoadCourse* LoadCourses::like(double cold) const {
  if (!cold_ || !cached_) return cold_ ? &*cold_ : cached_ ? &*cached_ : nullptr;
  return std::abs(cold_->cold() - cold) < std::abs(cached_->cold() - cold) ? &*cold_ : &*cached_;
}

Fetched LoadCourses::fetched() const {
  if (cold_) return cold_->fetched();
  return cached_ ? cached_->fetched() : Fetched{};
}

// --- Progress -----------------------------------------------------------------------------------------------

Progress::Progress(TimePoint since, std::optional<Duration> usual, double least)
    : since_(since), usual_(usual), positioned_(since), told_(least) {}

void Progress::begin(const LoadEvidence& first, const LoadCourses& before, const LoadTimes& times) {
  latest_ = first;
  cached_at_first_ = first.cached;
  to_fetch_ = std::max(Bytes{}, first.files - first.cached);
  course_ = LoadCourse(first, before.fetched());
  const LoadCourse* const like = before.like(cold());
  if (like == nullptr || like->took() <= Duration{}) {
    if (const auto known = times.at(cold())) usual_ = known;
    return;
  }
  before_ = *like;
}

void Progress::see(TimePoint now, const LoadEvidence& evidence) {
  const double pace_until_now = before_ ? pace() : 1;
  latest_ = evidence;
  course_.add(now - since_, evidence);
  if (!before_) return;
  const LoadCourse::Span span = before_->when(moved_of(evidence));
  const Duration worked = std::max(Duration{}, evidence.worked - worked_);
  const Duration forward = before_->after(position_, part_of(now - positioned_, 1 / pace_until_now), worked);
  position_ = std::max(position_, std::clamp(forward, span.from, span.to));
  positioned_ = now;
  worked_ = std::max(worked_, evidence.worked);
}

double Progress::share() const {
  const Bytes needed = to_fetch_ + latest_.footprint;
  const Bytes fetched = std::clamp(latest_.cached - cached_at_first_, Bytes{}, to_fetch_);
  return std::min(1.0, share_of(fetched + std::min(latest_.resident, latest_.footprint), needed));
}

double Progress::pace() const {
  const double trust = kTrust * seconds(before_->busy_until(before_->took()));
  const double taken = seconds(positioned_ - since_ - course_.fetched().waited);
  const double gone = seconds(before_->busy_until(position_));
  return trust + gone > 0 ? (trust + taken) / (trust + gone) : 1;
}

Duration Progress::wait_for(Bytes bytes) const {
  const Fetched& lately = course_.fetched_lately();
  return part_of(lately.waited, share_of(bytes, lately.bytes));
}

std::optional<Duration> Progress::left(TimePoint now) const {
  if (before_) {
    const Duration busy = before_->busy_until(before_->took()) - before_->busy_until(position_);
    const Duration wait = wait_for(std::max(Bytes{}, to_fetch_ - course_.fetched().bytes));
    return std::max(Duration{}, part_of(busy, pace()) + wait - (now - positioned_));
  }
  if (usual_) return std::max(Duration{}, since_ + *usual_ - now);
  const double part = kBytesOnly * share();
  if (part < kEnough) return std::nullopt;
  return duration(seconds(now - since_) * (1 - part) / part);
}

Progress::Estimate Progress::at(TimePoint now) {
  Estimate estimate{.done = 0,
                    .left = left(now),
                    .present = std::clamp(latest_.cached - cached_at_first_, Bytes{}, to_fetch_) +
                               std::min(latest_.resident, latest_.footprint),
                    .needed = to_fetch_ + latest_.footprint};
  const double gone = std::max(0.0, seconds(now - since_));
  const double done = estimate.left ? gone / std::max(1e-9, gone + seconds(*estimate.left)) : kBytesOnly * share();
  told_ = std::max(told_, std::min(done, kMost));
  estimate.done = told_;
  if (estimate.left == Duration{}) estimate.left.reset();  // it has taken longer than it was to take
  return estimate;
}

LoadCourse Progress::ended(TimePoint now) && {
  course_.end(now - since_);
  return std::move(course_);
}

}  // namespace rouse::daemon
