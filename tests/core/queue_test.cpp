#include "core/queue.hpp"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace rouse::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 10s;
const TimePoint kStart{1000s};

class Line {  // a queue and the requests put into it
 public:
  RequestId join(TimePoint since, std::uint64_t client = 1, Priority priority = Priority::normal,
                 TimePoint deadline = kNever, Origin origin = Origin::client) {
    const RequestId id{++last_};
    queue.push(Waiter{.request = id,
                      .client = ClientId{client},
                      .priority = priority,
                      .origin = origin,
                      .arrival = last_,
                      .since = since,
                      .deadline = deadline,
                      .keep = {}},
               kPatience);
    return id;
  }
  RequestId next(TimePoint now) { return queue.pop(now, kPatience).request; }

  Queue queue;

 private:
  std::uint64_t last_ = 0;
};

TEST_CASE("requests of one client and priority go by arrival") {
  Line line;
  const RequestId first = line.join(kStart);
  const RequestId second = line.join(kStart);
  const RequestId third = line.join(kStart + 1s);
  CHECK(line.next(kStart + 1s) == first);
  CHECK(line.next(kStart + 1s) == second);
  CHECK(line.next(kStart + 1s) == third);
  CHECK(line.queue.empty());
}

TEST_CASE("a higher priority goes before an earlier arrival") {
  Line line;
  const RequestId low = line.join(kStart, 1, Priority::low);
  const RequestId normal = line.join(kStart, 1, Priority::normal);
  const RequestId high = line.join(kStart, 1, Priority::high);
  CHECK(line.queue.best_priority() == Priority::high);
  CHECK(line.next(kStart) == high);
  CHECK(line.next(kStart) == normal);
  CHECK(line.queue.best_priority() == Priority::low);
  CHECK(line.next(kStart) == low);
  CHECK(!line.queue.best_priority());
}

TEST_CASE("clients of one priority take turns, however many requests one of them has queued") {
  Line line;
  std::vector<RequestId> greedy;
  for (int i = 0; i < 4; ++i) greedy.push_back(line.join(kStart, 1));
  const RequestId modest = line.join(kStart, 2);
  const RequestId other = line.join(kStart, 3);
  CHECK(line.next(kStart) == greedy[0]);
  CHECK(line.next(kStart) == modest);
  CHECK(line.next(kStart) == other);
  const RequestId again = line.join(kStart, 2);
  CHECK(line.next(kStart) == greedy[1]);
  CHECK(line.next(kStart) == again);
  CHECK(line.next(kStart) == greedy[2]);
}

TEST_CASE("a client's turns are forgotten when nobody waits any more") {
  Line line;
  line.join(kStart, 1);
  line.next(kStart);
  const RequestId first = line.join(kStart, 1);
  const RequestId second = line.join(kStart, 2);
  CHECK(line.next(kStart) == first);
  CHECK(line.next(kStart) == second);
}

TEST_CASE("whoever is past patience goes first, by arrival, whatever the priorities and turns") {
  Line line;
  const RequestId old_low = line.join(kStart, 1, Priority::low);
  const RequestId old_high = line.join(kStart + 1s, 1, Priority::high);
  const RequestId fresh_high = line.join(kStart + 8s, 2, Priority::high);
  CHECK(line.next(kStart + 11s) == old_low);
  CHECK(line.next(kStart + 11s) == old_high);
  CHECK(line.next(kStart + 11s) == fresh_high);
}

TEST_CASE("patience is over exactly when it has passed") {
  Line line;
  line.join(kStart, 1, Priority::low);
  const RequestId high = line.join(kStart + 1s, 1, Priority::high);
  const RequestId third = line.join(kStart + 1s, 1, Priority::high);
  CHECK(line.next(kStart + kPatience - 1ns) == high);
  CHECK(line.next(kStart + kPatience) != third);
}

TEST_CASE("those whose deadline has come are expired, by arrival, and nobody else") {
  Line line;
  const RequestId late = line.join(kStart, 1, Priority::normal, kStart + 5s);
  const RequestId later_one = line.join(kStart, 1, Priority::normal, kStart + 6s);
  const RequestId soon = line.join(kStart, 1, Priority::high, kStart + 2s);
  CHECK(line.queue.next_deadline() == kStart + 2s);
  CHECK(line.queue.expire(kStart + 2s - 1ns).empty());
  const auto expired = line.queue.expire(kStart + 5s);
  REQUIRE(expired.size() == 2);
  CHECK(expired[0].request == late);
  CHECK(expired[1].request == soon);
  CHECK(line.queue.next_deadline() == kStart + 6s);
  CHECK(line.next(kStart + 5s) == later_one);
  CHECK(line.queue.next_deadline() == kNever);
}

TEST_CASE("no waiter's deadline is earlier than the next one, also after others have left") {
  Line line;
  const RequestId soon = line.join(kStart, 1, Priority::normal, kStart + 1s);
  line.join(kStart, 1, Priority::normal, kStart + 9s);
  CHECK(line.queue.erase(soon, kStart));
  CHECK(line.queue.next_deadline() <= kStart + 9s);
  CHECK(line.queue.expire(kStart + 1s).empty());
  CHECK(line.queue.next_deadline() == kStart + 9s);
}

TEST_CASE("a request leaves once, and one that is not there does not") {
  Line line;
  const RequestId id = line.join(kStart);
  CHECK(line.queue.erase(id, kStart));
  CHECK(!line.queue.erase(id, kStart));
  CHECK(!line.queue.erase(RequestId{77}, kStart));
}

TEST_CASE("clear takes everybody, by arrival") {
  Line line;
  const RequestId first = line.join(kStart, 1, Priority::low);
  const RequestId second = line.join(kStart, 2, Priority::high);
  const auto all = line.queue.clear(kStart);
  REQUIRE(all.size() == 2);
  CHECK(all[0].request == first);
  CHECK(all[1].request == second);
  CHECK(line.queue.empty());
}

TEST_CASE("an operator among those who wait is noticed, and so is an early arrival") {
  Line line;
  line.join(kStart);
  CHECK(!line.queue.has_operator());
  const RequestId operators = line.join(kStart, 2, Priority::normal, kNever, Origin::operator_);
  CHECK(line.queue.has_operator());
  CHECK(line.queue.has_arrival_up_to(1));
  line.queue.erase(RequestId{1}, kStart);
  CHECK(!line.queue.has_arrival_up_to(1));
  CHECK(line.queue.has_arrival_up_to(2));
  line.queue.erase(operators, kStart);
  CHECK(!line.queue.has_arrival_up_to(9));
}

TEST_CASE("the waiting age belongs to the model: it begins with the first waiter and outlives him") {
  Line line;
  CHECK(!line.queue.waiting_since(kStart, kPatience));
  const RequestId first = line.join(kStart);
  line.join(kStart + 4s);
  CHECK(line.queue.waiting_since(kStart + 4s, kPatience) == kStart);
  line.queue.erase(first, kStart + 5s);
  CHECK(line.queue.waiting_since(kStart + 5s, kPatience) == kStart);
  CHECK(line.queue.age_lapses(kPatience) == kNever);
}

TEST_CASE("a client that retries after less than patience is not for ever new") {
  Line line;
  TimePoint now = kStart;
  for (int i = 0; i < 5; ++i) {
    const RequestId id = line.join(now);
    line.queue.erase(id, now + 1s);
    CHECK(line.queue.age_lapses(kPatience) == now + 1s + kPatience);
    now += 10s;  // nine after it left
    CHECK(line.queue.waiting_since(now, kPatience) == kStart);
  }
}

TEST_CASE("a gap of patience ends the waiting age") {
  Line line;
  line.queue.erase(line.join(kStart), kStart + 1s);
  CHECK(line.queue.waiting_since(kStart + 1s + kPatience - 1ns, kPatience) == kStart);
  CHECK(!line.queue.waiting_since(kStart + 1s + kPatience, kPatience));
  line.join(kStart + 1s + kPatience);
  CHECK(line.queue.waiting_since(kStart + 20s, kPatience) == kStart + 1s + kPatience);
}

TEST_CASE("the age starts anew for whoever still waits") {
  Line line;
  const RequestId id = line.join(kStart);
  line.queue.restart_age(kStart + 3s);
  CHECK(line.queue.waiting_since(kStart + 3s, kPatience) == kStart + 3s);
  line.queue.erase(id, kStart + 4s);
  line.queue.restart_age(kStart + 5s);
  CHECK(!line.queue.waiting_since(kStart + 5s, kPatience));
  CHECK(line.queue.age_lapses(kPatience) == kNever);
}

TEST_CASE("the order shown is the order in which they go") {
  std::uint64_t seed = 1;
  const auto any = [&seed](std::uint64_t below) {  // a linear congruential generator: the same on every machine
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % below;
  };
  for (int round = 0; round < 200; ++round) {
    Line line;
    TimePoint now = kStart;
    const std::uint64_t waiting = 1 + any(40);
    for (std::uint64_t i = 0; i < waiting; ++i) {
      now += std::chrono::seconds(any(2));
      line.join(now, any(4), static_cast<Priority>(any(3)));
      if (any(8) == 0) line.next(now);
    }
    const std::vector<RequestId> shown = line.queue.order(now, kPatience);
    std::vector<RequestId> gone;
    while (!line.queue.empty()) gone.push_back(line.next(now));
    CHECK(shown == gone);
  }
}

}  // namespace
}  // namespace rouse::core
