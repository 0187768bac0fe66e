// Sees every event that a scheduler is told and every effect it answers with, and says when one of the twelve
// invariants (DESIGN §3) is broken.
//
// It derives what it knows from that stream with its own words (requests, workers, bytes), never by asking the core to
// decide. The core's view is read only to compare the ledger's figures, and for the names of a plan's victims.
// Whatever it finds it throws as a Violation; number 0 stands for the rest of the contract between core and shell.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "account.hpp"
#include "core/effects.hpp"
#include "core/events.hpp"
#include "core/policy.hpp"
#include "core/view.hpp"

namespace rouse::core::testing {

struct Violation {
  int invariant = 0;
  std::string what;
};

struct Asked {  // a request that is not over
  RequestId id;
  ModelId model;
  ClientId client;
  Priority priority = Priority::normal;
  Origin origin = Origin::client;
  bool only_if_ready = false;
  bool unload = false;  // an operator's Unload
  Force force = Force::no;
  std::optional<WorkerId> ends{};  // … and the worker it is to end
  bool pinned = false;             // … and whether that was pinned when it was asked
  TimePoint since{};
  TimePoint deadline{};
  std::optional<Keep> keep{};
  std::optional<WorkerId> worker{};  // admitted
  bool cut = false;
};

enum class Rest : std::uint8_t { none, falling_asleep, asleep, waking };

struct Process {  // a worker, from StartWorker until it has exited
  WorkerId id;
  ModelId model;
  ModelSpec spec;  // the entry it was started from
  TimePoint started;
  std::optional<TimePoint> ready{};
  std::optional<TimePoint> stopped{};
  std::optional<TimePoint> killed{};
  bool failed = false;   // its load has failed
  bool ran_out = false;  // … for lack of memory, and it is tried once more
  bool draining = false;
  bool clamped = false;        // started with less than its estimate
  bool by_cancelling = false;  // its load was begun by cancelling another
  bool for_patient = false;    // whoever it was started, or woken, for was past patience by every reading
  Rest rest = Rest::none;      // from being told to sleep until it is awake again
  TimePoint rest_since{};
  Placement live{};  // what it takes awake
  bool woken = false;
  TimePoint trims_until = kNever;  // it is dropping its caches
  TimePoint idle_since{};
  std::set<RequestId> leases{};
  std::set<RequestId> first{};  // were waiting when it became ready, and still are
};

struct Age {  // of waiting: a model's, outliving its waiters by patience
  std::optional<TimePoint> since;
  TimePoint empty_since{};
};

struct Entry {  // a model
  ModelSpec spec;
  bool removed = false;
  bool pinned = false;
  bool preload = false;
  bool preload_evicts = false;
  Stage stage = Stage::cold;
  std::vector<RequestId> waiting;  // by arrival
  std::optional<WorkerId> current;
  bool undead = false;  // its process cannot be ended
  std::uint32_t failures = 0;
  std::optional<Failure> failure;  // the last one, until a new load begins
  TimePoint failed_at{};
  TimePoint backoff_from{};  // the later of the failure and its process's end
  bool oversize_failed = false;
  bool cancelled_one = false;  // a load was cancelled for it
  std::optional<Duration> load_time;
  std::optional<Duration> wake_time;
  std::optional<Placement> needs;     // as learnt, or more since its memory ran out
  std::optional<Placement> measured;  // what its workers were seen to hold
  bool tried_again = false;           // since it was last ready
  bool sleeps_badly = false;          // it could not sleep or wake, or ended meanwhile
  Age longest;              // since when it has been waited for, by the reading of the rules that makes it the longest
  Age shortest;             // … and the shortest
  std::vector<Keep> keeps;  // that may hold: the last admitted wish, or the entry's when that changes
};

using EdgeCounts = std::map<std::tuple<Stage, Trigger, Stage>, std::uint64_t>;

class Oracle {
 public:
  explicit Oracle(Policy policy) : policy_(policy) {}

  void saw(const Event& event, TimePoint now, const Effects& effects, const View& view);
  // The fair phase is over: none of these may be left.
  void finish(TimePoint now, const std::vector<RequestId>& owed) const;

  const std::map<RequestId, Asked>& requests() const { return requests_; }
  const std::map<WorkerId, Process>& processes() const { return processes_; }
  const std::map<ModelId, Entry>& models() const { return models_; }
  const Account& account() const { return account_; }
  const EdgeCounts& edge_counts() const { return edges_; }
  bool shutting_down() const { return shutdown_.has_value(); }
  TimePoint wake() const { return wake_; }

 private:
  // a step: oracle.cpp
  void apply(const Event& event);
  void time_out_loads();
  void forget();

  // facts: oracle_facts.cpp
  void on(const Submit& e);
  void on(const Abandon& e);
  void on(const Finish& e);
  void on(const Loaded& e);
  void on(const LoadFailed& e);
  void on(const Exited& e);
  void on(const BytesReturned& e);
  void on(const Slept& e);
  void on(const Woken& e);
  void on(const SleepFailed& e);
  void on(const EffectFailed& e);
  void on(const EffectTimedOut& e);
  void on(const Trimmed& e);
  void on(const FootprintMeasured& e);
  void on(const DeviceMeasured& e);
  void on(const Reserve& e);
  void on(const Preload& e);
  void on(const Unload& e);
  void on(const Pin& e);
  void on(const Forget& e);
  void on(const CatalogueChanged& e);
  void on(const Shutdown& e);
  void on(const Tick& e);
  void ran_out(const Process& process, const std::vector<DeviceId>& short_of);
  bool tries_again(Process& process);
  void load_failed(Process& process);
  void process_ended(Process& process);
  void restart(const Entry& model, Age& age) const;
  void fails_for_its_waiters(Entry& model);
  void note_failure(Entry& entry, Failure failure);
  void stop_waiting(const Asked& asked);

  // effects on workers, and what is said of them: oracle_workers.cpp
  void check(const StartWorker& e);
  void check(const StopWorker& e);
  void check(const KillWorker& e);
  void check(const TrimWorker& e);
  void check(const SleepWorker& e);
  void check(const WakeWorker& e);
  void check(const WakeAt& e);
  void check(const Announce& e);
  void check(const ShutdownComplete& e);
  void check_takes(WorkerId worker, ModelId model, const Placement& takes);
  void check_reservation(const Announce& e);
  void check_precedence(WorkerId worker, ModelId started, const Placement& takes) const;
  void check_placement(const Entry& entry, const StartWorker& e, bool& clamped) const;
  void check_stop_of_load(const Process& process, const Entry& entry) const;
  void check_stop_of_ready(const Process& process, const Entry& entry) const;
  void check_stop_of_rest(const Process& process, const Entry& entry) const;
  void check_choice(const Process& victim, const Entry& entry, const char* verb) const;
  void check_drain(const Announce& e) const;

  // effects on requests: oracle_requests.cpp
  void check(const Admit& e);
  void check(const Refuse& e);
  void check(const CutLease& e);
  void check(const Unloaded& e);
  void check(const Returned& e);
  void check_refusal_of_unload(const Asked& asked, const Refusal& refusal) const;
  void check_refusal(const Asked& asked, const Refusal& refusal) const;
  void check_size_refusal(const Asked& asked, const Refusal& refusal) const;
  void check_turn(const Asked& asked) const;

  // after the step: oracle_state.cpp, oracle_memory.cpp
  void check_requests() const;
  void check_workers() const;
  void check_progress() const;
  void check_memory() const;
  void check_plans() const;
  void check_spared() const;
  void check_timer() const;

  // words: oracle_words.cpp
  Entry* find(ModelId id);
  const Entry& entry(ModelId id) const;
  Process* running(WorkerId id);
  const Process* process_of(const Entry& entry) const;
  bool outdated(const Process& process) const;
  bool unloading(ModelId id) const;
  bool unloaded(const Process& process, Force at_least) const;
  bool may_cut(WorkerId worker) const;
  Priority priority(const Entry& entry) const;
  Duration patience(Priority waiter, Priority victim) const;
  std::optional<TimePoint> since(const Entry& entry, const Age& age) const;
  Duration residency(const Process& process) const;
  Duration backoff(std::uint32_t failures) const;
  bool beside_others(const Process& process) const;
  std::pair<Duration, Duration> keep_bounds(const Process& process, const Entry& entry) const;
  Duration keep_asleep(const Process& process, const Entry& entry) const;
  bool reservation_is_over(const Process& process) const;
  bool keep_expired(const Process& process, const Entry& entry) const;
  bool protected_slice(const Process& process) const;
  Bytes pinned_on(DeviceId device, ModelId except, bool strictly) const;
  bool blocked_by_pins(const Entry& entry, bool strictly) const;
  bool fits(const Placement& placement) const;
  Placement missing(const Process& asleep) const;
  bool cannot_wake(const Process& asleep, bool strictly) const;
  bool past_patience(const Entry& waiter, const Entry& victim) const;
  bool may_evict(const Entry& waiter) const;
  std::vector<Placement> sizes(const Entry& entry) const;
  Placement size(const Entry& entry, const Placement& placement) const;
  Bytes certain(const Entry& entry, const Placement& placement, DeviceId device) const;
  Duration least_grace(const Process& process) const;
  Duration most_grace(const Process& process) const;
  bool startable(const Entry& entry) const;
  bool surely_stronger(const Entry& one, const Entry& other) const;
  Bytes gain(const Plan& plan, DeviceId device) const;
  bool others_make_room(ModelId waiter) const;
  const Plan* plan_against(WorkerId victim) const;

  Policy policy_;
  Account account_;
  std::map<RequestId, Asked> requests_;
  std::map<WorkerId, Process> processes_;
  std::map<ModelId, Entry> models_;
  EdgeCounts edges_;
  std::optional<TimePoint> shutdown_;
  bool shutdown_complete_ = false;
  TimePoint wake_ = kNever;
  WorkerId newest_{};
  std::map<ModelId, Plan> plans_;  // when the last step was over

  // of the step at hand
  TimePoint now_{};
  const Event* event_ = nullptr;
  const View* view_ = nullptr;
  std::set<ModelId> unloading_at_start_;
  std::optional<ModelId> load_failed_now_;
  std::set<WorkerId> timed_out_now_;
  std::set<WorkerId> rest_failed_now_;                 // could not sleep, or wake
  std::optional<std::pair<ModelId, Age>> age_before_;  // of the model asked for, when nobody waited for it
  std::map<WorkerId, Placement> returned_now_;
  bool trims_now_ = false;          // caches are being dropped, or begin to be
  std::array<int, 5> announced_{};  // starts, stops, kills, sleeps, wakes announced less those ordered
};

[[noreturn]] void violate(int invariant, std::string what);

}  // namespace rouse::core::testing
