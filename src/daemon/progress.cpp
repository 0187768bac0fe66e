#include "daemon/progress.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rouse::daemon {
namespace {

constexpr std::size_t kMostPoints = 256;
constexpr double kMostlyCold = 0.5;
constexpr double kMost = 0.99;           // of a load that is not over
constexpr double kTrust = 0.25;          // of a course, until which its own pace counts as much as this load's
constexpr double kEnough = 0.02;         // of the bytes, before they tell a time by themselves
constexpr double kBytesOnly = 0.95;      // what all of the bytes are worth: an engine does something with them, too

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
Duration duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e9)));
}
double share_of(Bytes part, Bytes whole) {
  return whole.count <= 0 ? 0 : static_cast<double>(part.count) / static_cast<double>(whole.count);
}
Bytes moved_of(const LoadEvidence& evidence) { return evidence.resident + evidence.was_read; }

}  // namespace

// --- LoadCourse ---------------------------------------------------------------------------------------------

void LoadCourse::add(Duration at, Bytes moved) {
  if (!points_.empty() && moved <= points_.back().moved) return;
  if (++since_ < every_) return;
  since_ = 0;
  points_.push_back({at, moved});
  if (points_.size() < kMostPoints) return;
  std::size_t kept = 0;
  for (std::size_t i = 1; i < points_.size(); i += 2) points_[kept++] = points_[i];
  points_.resize(kept);
  every_ *= 2;
}

LoadCourse::Span LoadCourse::when(Bytes moved) const {
  if (points_.empty()) return {.from = {}, .to = took_};
  const Bytes about{points_.back().moved.count / 100};
  // On a straight line between two points.
  const auto reached = [&](Bytes bytes) {
    const auto next = std::ranges::lower_bound(points_, bytes, {}, &Point::moved);
    if (next == points_.end()) return took_;
    const Point before = next == points_.begin() ? Point{} : *(next - 1);
    const double part = share_of(bytes - before.moved, next->moved - before.moved);
    return before.at + duration(part * seconds(next->at - before.at));
  };
  const Bytes most = points_.back().moved;
  const Duration from = moved <= about ? Duration{} : reached(std::min(moved - about, most));
  return {.from = from, .to = std::max(from, reached(moved + about))};
}

// --- LoadCourses --------------------------------------------------------------------------------------------

void LoadCourses::add(LoadCourse course) {
  (course.cold() > kMostlyCold ? cold_ : cached_) = std::move(course);
}

const LoadCourse* LoadCourses::like(double cold) const {
  if (!cold_ || !cached_) return cold_ ? &*cold_ : cached_ ? &*cached_ : nullptr;
  return std::abs(cold_->cold() - cold) < std::abs(cached_->cold() - cold) ? &*cold_ : &*cached_;
}

std::optional<Duration> LoadCourses::took(double cold) const {
  const LoadCourse* const nearest = like(cold);
  if (nearest == nullptr) return std::nullopt;
  if (!cold_ || !cached_ || cold_->cold() <= cached_->cold()) return nearest->took();
  const double from = seconds(cached_->took());
  const double slope = (seconds(cold_->took()) - from) / (cold_->cold() - cached_->cold());
  const double least = std::min(from, seconds(cold_->took()));
  return duration(std::max(least, from + slope * (cold - cached_->cold())));
}

// --- Progress -----------------------------------------------------------------------------------------------

Progress::Progress(TimePoint since, std::optional<Duration> usual) : since_(since), usual_(usual), positioned_(since) {}

void Progress::begin(const LoadEvidence& first, const LoadCourses& before) {
  cached_at_first_ = first.cached;
  to_fetch_ = std::max(Bytes{}, first.files - first.cached);
  const double cold = share_of(to_fetch_, first.files);
  course_ = LoadCourse(cold);
  const LoadCourse* const like = before.like(cold);
  if (like == nullptr || like->took() <= Duration{}) return;
  before_ = *like;
  usual_ = before.took(cold);
  pace_ = seconds(*usual_) / seconds(like->took());
}

void Progress::see(TimePoint now, const LoadEvidence& evidence) {
  latest_ = evidence;
  const Bytes moved = moved_of(evidence);
  course_.add(now - since_, moved);
  if (!before_) return;
  const LoadCourse::Span span = before_->when(moved);
  const Duration by_clock = position_ + duration(seconds(now - positioned_) / pace_);
  position_ = std::max(position_, std::clamp(by_clock, span.from, span.to));
  positioned_ = now;
  // Its own pace counts the more the further it is.
  const double trust = kTrust * seconds(before_->took());
  const double usual = seconds(*usual_) / seconds(before_->took());
  pace_ = (usual * trust + seconds(now - since_)) / (trust + seconds(position_));
}

double Progress::share() const {
  const Bytes needed = to_fetch_ + latest_.footprint;
  const Bytes fetched = std::clamp(latest_.cached - cached_at_first_, Bytes{}, to_fetch_);
  return std::min(1.0, share_of(fetched + std::min(latest_.resident, latest_.footprint), needed));
}

std::optional<Duration> Progress::left(TimePoint now) const {
  if (before_) {
    const double gone = seconds(position_) + seconds(now - positioned_) / pace_;
    return duration(std::max(0.0, seconds(before_->took()) - gone) * pace_);
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
