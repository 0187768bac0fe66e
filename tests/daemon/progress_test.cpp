#include "daemon/progress.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <functional>

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;
using Catch::Approx;

constexpr TimePoint kStart{1000s};
constexpr Duration kLook = 50ms;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// A load of a file of 1,000 MiB: it is read in `reading`, then nothing is to be seen for `working`.
struct Load {
  Duration reading = 1s;
  Duration working = 1s;
  bool cold = false;

  Duration whole() const { return reading + working; }
  LoadEvidence at(Duration t) const {
    const double part = std::min(1.0, seconds(t) / seconds(reading));
    const Bytes come{static_cast<std::int64_t>(part * static_cast<double>(mib(1000).count))};
    return {.files = mib(1000),
            .cached = cold ? come : mib(1000),
            .resident = come,
            .was_read = {},
            .worked = {},
            .footprint = mib(1100)};
  }
};

using Look = std::function<void(Duration since, Progress::Estimate estimate)>;

void play(const Load& load, LoadCourses& courses, std::optional<Duration> usual = {}, const Look& look = {}) {
  Progress progress(kStart, usual);
  progress.begin(load.at(0s), courses);
  for (Duration t = 0s; t < load.whole(); t += kLook) {
    progress.see(kStart + t, load.at(t));
    if (look) look(t, progress.at(kStart + t));
  }
  courses.add(std::move(progress).ended(kStart + load.whole()));
}

// The largest difference between what was said to be left and what was, in hundredths of the whole load.
double worst(const Load& load, LoadCourses courses) {
  double worst = 0;
  play(load, courses, {}, [&](Duration t, const Progress::Estimate& estimate) {
    REQUIRE(estimate.left);
    worst = std::max(worst, 100 * std::abs(seconds(*estimate.left - (load.whole() - t))) / seconds(load.whole()));
  });
  return worst;
}

TEST_CASE("a load like the one before is foretold from its beginning to its end") {
  LoadCourses courses;
  play({}, courses);
  CHECK(worst({}, courses) < 3);
}

TEST_CASE("a load that is slower than the one before is seen to be by its bytes, before the time of that one is over") {
  LoadCourses courses;
  play({.reading = 2s, .working = 2s}, courses);
  Duration left{};
  play({.reading = 4s, .working = 4s}, courses, {}, [&](Duration t, const Progress::Estimate& estimate) {
    if (t == 4s) left = estimate.left.value_or(0s);
  });
  CHECK(left > 2500ms);  // by the clock alone it would be none
  CHECK(left < 5s);
}

TEST_CASE("where nothing moves the clock goes on, but no further than what has come allows") {
  LoadCourses courses;
  play({.reading = 1s, .working = 3s}, courses);
  Progress progress(kStart, {});
  const Load stuck{.reading = 100s, .working = 3s};
  progress.begin(stuck.at(0s), courses);
  for (Duration t = 0s; t < 10s; t += kLook) progress.see(kStart + t, stuck.at(t));
  const auto estimate = progress.at(kStart + 10s);
  CHECK(estimate.left > 3s);  // the work that has not begun
}

TEST_CASE("cold loads are compared with cold ones, and cached ones with cached ones") {
  LoadCourses courses;
  const Load cached{.reading = 1s, .working = 1s};
  const Load cold{.reading = 3s, .working = 1s, .cold = true};
  play(cached, courses);
  play(cold, courses);
  CHECK(worst(cached, courses) < 3);
  CHECK(worst(cold, courses) < 3);
}

TEST_CASE("a disk that is slower than it was is noticed by its bytes, and makes the work after them no slower") {
  LoadCourses courses;
  play({.reading = 2s, .working = 2s, .cold = true}, courses);
  for (const Duration reading : {Duration(6s), Duration(500ms)}) {
    const Load load{.reading = reading, .working = 2s, .cold = true};
    LoadCourses known = courses;
    play(load, known, {}, [&](Duration t, const Progress::Estimate& estimate) {
      if (t < load.reading / 3) return;
      INFO(seconds(t));
      CHECK(seconds(estimate.left.value_or(0s)) ==
            Approx(seconds(load.whole() - t)).margin(0.15 * seconds(load.whole())));
    });
  }
}

TEST_CASE("of a disk only what has still to come is waited for") {
  LoadCourses courses;
  play({.reading = 2s, .working = 1s, .cold = true}, courses);
  Progress progress(kStart, {});
  LoadEvidence first = Load{}.at(0s);
  first.cached = mib(750);
  progress.begin(first, courses);
  CHECK(seconds(progress.at(kStart).left.value()) == Approx(1.5).margin(0.05));
}

TEST_CASE("what is told never goes back and is never all, however the load goes on") {
  for (const Load& next : {Load{}, Load{.reading = 8s, .working = 20s}, Load{.reading = 100ms, .working = 10ms}}) {
    for (const bool known : {true, false}) {
      LoadCourses courses;
      if (known) play({.reading = 1s, .working = 2s}, courses);
      double before = 0;
      play(next, courses, {}, [&](Duration, const Progress::Estimate& estimate) {
        CHECK(estimate.done >= before);
        CHECK(estimate.done < 1);
        CHECK(estimate.present <= estimate.needed);
        before = estimate.done;
      });
      CHECK(before > 0);
    }
  }
}

TEST_CASE("the first load is told by its bytes, and by the time that is known from elsewhere") {
  LoadCourses none;
  Progress progress(kStart, {});
  const Load load{.reading = 4s, .working = 0s, .cold = true};
  progress.begin(load.at(0s), none);
  CHECK_FALSE(progress.at(kStart).left);
  progress.see(kStart + 2s, load.at(2s));
  const auto half = progress.at(kStart + 2s);
  CHECK(half.needed == mib(2100));
  CHECK(half.present == mib(1000));
  CHECK(half.done == Approx(0.45).epsilon(0.02));
  CHECK(seconds(half.left.value()) == Approx(2.4).epsilon(0.05));

  Progress timed(kStart, 8s);
  timed.begin(load.at(0s), none);
  timed.see(kStart + 2s, load.at(2s));
  CHECK(timed.at(kStart + 2s).left == 6s);
  CHECK(timed.at(kStart + 2s).done == Approx(0.25));
}

TEST_CASE("a load that takes longer than any before has no time left to tell") {
  Progress progress(kStart, 2s);
  CHECK(progress.at(kStart + 1s).left == 1s);
  const auto late = progress.at(kStart + 3s);
  CHECK_FALSE(late.left);
  CHECK(late.done == Approx(0.99));
}

TEST_CASE("a program of which nothing can be seen is told by the clock alone") {
  const LoadEvidence nothing{};
  LoadCourses courses;
  Progress first(kStart, {});
  first.begin(nothing, courses);
  first.see(kStart + 1s, nothing);
  CHECK(first.at(kStart + 1s).done == 0);
  courses.add(std::move(first).ended(kStart + 4s));
  Progress second(kStart, {});
  second.begin(nothing, courses);
  second.see(kStart + 1s, nothing);
  CHECK(second.at(kStart + 1s).left == 3s);
}

TEST_CASE("a course stays small, however long a load is looked at") {
  LoadCourse course;
  LoadEvidence evidence{};
  for (int i = 1; i <= 100'000; ++i) {
    evidence.resident = Bytes{i};
    course.add(std::chrono::milliseconds(i), evidence);
  }
  course.end(100s);
  CHECK(course.points() <= 256);
  const auto middle = course.when(Bytes{50'000});
  CHECK(seconds(middle.from) == Approx(49).epsilon(0.02));
  CHECK(seconds(middle.to) == Approx(51).epsilon(0.02));
}

TEST_CASE("a load that is tried again is told from where the one before had come") {
  Progress again(kStart, 10s, 0.4);
  CHECK(again.at(kStart).done == 0.4);
  CHECK(again.at(kStart + 9s).done > 0.4);
}

}  // namespace
}  // namespace rouse::daemon
