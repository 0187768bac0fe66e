// The core alone: events a second with 1,000 models, of which the budget holds a tenth.
//
// Requests come Zipf-distributed (α = 0.9) over the models, 10,000 a second of simulated time; leases last 20 ms, loads
// 500 ms, stops 50 ms. Every event counts: submits, finishes, loads, exits, returns and ticks.
#include <benchmark/benchmark.h>

#include <cmath>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "core/scheduler.hpp"

using namespace rouse;
using namespace rouse::core;
using namespace std::chrono_literals;

namespace {

class World {
 public:
  explicit World(int models, int fit) : popularity_(weights(models)) {
    CatalogueChanged change;
    change.budgets.push_back({kHost, gib(fit), gib(fit), Bytes{}});
    for (int i = 0; i < models; ++i) {
      ModelSpec spec;
      spec.id = ModelId{static_cast<std::uint64_t>(i)};
      spec.placements = {{{kHost, gib(1)}}};
      spec.size_source = SizeSource::configured;
      spec.concurrency = 64;
      change.changed.push_back(spec);
    }
    feed(change);
  }

  void request() {
    const TimePoint next = now_ + 100us;
    while (!due_.empty() && due_.top().at <= next) {
      now_ = due_.top().at;
      const Event event = due_.top().event;
      due_.pop();
      feed(event);
    }
    if (wake_ <= next) {
      now_ = std::max(now_, wake_);
      wake_ = kNever;
      feed(Tick{});
    }
    now_ = next;
    const RequestId id{++requests_};
    feed(Submit{.request = id,
                .model = ModelId{static_cast<std::uint64_t>(popularity_(random_))},
                .client = ClientId{id.value % 16},
                .deadline = now_ + 60s,
                .keep = {}});
  }
  std::uint64_t events() const { return events_; }
  std::uint64_t loads() const { return loads_; }
  std::uint64_t admitted() const { return admitted_; }

 private:
  struct Due {
    TimePoint at;
    std::uint64_t order;
    Event event;
    bool operator<(const Due& other) const { return std::tie(other.at, other.order) < std::tie(at, order); }
  };

  static std::discrete_distribution<int> weights(int models) {
    std::vector<double> w;
    for (int i = 0; i < models; ++i) w.push_back(1 / std::pow(i + 1, 0.9));
    return {w.begin(), w.end()};
  }
  void after(Duration duration, Event event) { due_.push({now_ + duration, ++order_, std::move(event)}); }
  void feed(const Event& event) {
    ++events_;
    for (const Effect& effect : scheduler_.step(event, now_)) {
      if (const auto* e = std::get_if<Admit>(&effect))
        ++admitted_, after(20ms, Finish{e->request});
      else if (const auto* w = std::get_if<WakeAt>(&effect))
        wake_ = w->time;
      else if (const auto* s = std::get_if<StartWorker>(&effect))
        ++loads_, after(500ms, Loaded{s->worker});
      else if (const auto* t = std::get_if<StopWorker>(&effect)) {
        after(50ms, Exited{t->worker, {}});
        after(51ms, BytesReturned{t->worker});
      }
    }
  }

  Scheduler scheduler_;
  TimePoint now_{1s};
  TimePoint wake_ = kNever;
  std::priority_queue<Due> due_;
  std::discrete_distribution<int> popularity_;
  std::mt19937_64 random_{1};
  std::uint64_t order_ = 0, requests_ = 0, events_ = 0, loads_ = 0, admitted_ = 0;
};

void report(benchmark::State& state, const World& world) {
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(world.events()), benchmark::Counter::kIsRate);
  state.counters["loads"] = static_cast<double>(world.loads());
  state.counters["admitted"] = static_cast<double>(world.admitted());
}

// All of them fit: the life of a machine that is large enough.
void everything_resident(benchmark::State& state) {
  World world(1000, 1000);
  for (auto _ : state) world.request();
  report(state, world);
}

// One in ten fits: evictions, plans and waiters all the time.
void a_tenth_resident(benchmark::State& state) {
  World world(1000, 100);
  for (auto _ : state) world.request();
  report(state, world);
}

BENCHMARK(everything_resident)->Iterations(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(a_tenth_resident)->Iterations(50'000)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
