// A hostile world around one scheduler: every turn of it is made from one record of choices, so that a generator can
// make histories, a fuzzer can mutate them and a number can repeat them.
//
// It only does what a machine, its operators and its clients may really do: no event contradicts what is physically
// true. Time is simulated; a Tick comes at the time asked for by WakeAt and at no other. Each history ends with a fair
// phase, in which what is outstanding completes or times out, leases end, outsiders leave and samples come: then every
// request must have been admitted or refused for a reason other than its deadline (invariant 12).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "choices.hpp"
#include "core/scheduler.hpp"
#include "machine.hpp"
#include "oracle.hpp"

namespace rouse::core::testing {

struct Told {  // one step
  TimePoint now;
  Event event;
  Effects effects;
};

class World {
 public:
  explicit World(std::span<const std::uint64_t> records);

  // Runs the whole history. Nothing when the oracle has nothing against it.
  std::optional<Violation> run();

  std::uint64_t steps() const { return steps_; }
  const EdgeCounts& edge_counts() const { return oracle_.edge_counts(); }
  // The history as a list of events and what they led to; the last `at_most` steps of it.
  std::string history(std::size_t at_most) const;

 private:
  struct Memory {  // a client that will ask again
    Submit request;
    Duration gives_up_after;
    int times = 0;
  };

  // world.cpp: time, and what the scheduler is told
  void configure();
  void tell(const Event& event);
  void obey(const Effect& effect);
  void pass(Duration time);
  void happen(const Due& due);
  void start(const StartWorker& effect);
  void trim(WorkerId worker);
  void stop(WorkerId worker, bool kill);
  void rest(WorkerId worker, Happening then);
  void ends(WorkerId worker);
  void comes_back_in_part(WorkerId worker);
  void admitted(RequestId request);
  void refused(const Refuse& refuse);

  // hostility.cpp: turns
  void turn();
  Duration lapse();
  void submit();
  void reserve();
  std::vector<DeviceId> runs_out(WorkerId worker);
  void client_leaves(RequestId request, bool comes_back);
  void nobody_waits_for(bool for_good);
  void operator_acts();
  void outsider();
  void crash();
  void measure();
  void catalogue();
  void nonsense();
  ModelSpec make_spec(ModelId id);
  Submit make_request(ModelId model);

  // fair.cpp
  void fair_phase();

  ModelId some_model();
  std::optional<ModelId> some_model_in(Stage stage);
  std::optional<WorkerId> some_worker(bool ready);
  std::optional<RequestId> some_request(bool admitted);
  Duration seconds(std::uint32_t low_ms, std::uint32_t high_ms) {
    return std::chrono::milliseconds(choices_.between(low_ms, high_ms));
  }

  Choices choices_;
  Policy policy_;
  Weather weather_;
  Machine machine_;
  Calendar calendar_;
  std::optional<Scheduler> scheduler_;
  std::optional<Scheduler> twin_;  // is told the same and must do the same
  Oracle oracle_;
  TimePoint now_{std::chrono::seconds(1000)};
  TimePoint timer_ = kNever;
  int rings_ = 0;  // of the timer at one moment
  bool fair_ = false;
  bool persistent_ = false;  // clients keep coming in the fair phase
  std::uint64_t next_request_ = 1;
  std::uint64_t next_reservation_ = kFirstReservation.value;
  std::uint64_t next_revision_ = 1;
  std::uint64_t steps_ = 0;
  std::uint32_t models_ = 0;
  std::optional<Budget> group_;  // of models, of which so many are loaded at once: a device without bytes
  std::uint32_t next_memory_ = 0;
  std::map<std::uint64_t, Memory> memories_;       // by number
  std::map<RequestId, std::uint64_t> remembered_;  // requests whose client will come back
  std::vector<Told> told_;
};

}  // namespace rouse::core::testing
