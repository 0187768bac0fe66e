// The scheduler's inside: what apply.cpp, settle.cpp and scheduler.cpp share. Nobody else includes this.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/placement.hpp"
#include "core/scheduler.hpp"

namespace rouse::core {

struct Scheduler::Impl {
  View view;

  // Where a request is: waiting while `worker` is 0. Never iterated.
  struct Place {
    ModelId model;
    WorkerId worker;
  };
  std::unordered_map<RequestId, Place> requests;
  std::uint64_t arrivals = 0;
  std::uint64_t workers_started = 0;

  Effects effects;

  // What settling has to look at. A model is dirty when its state, queue or policy changed.
  std::vector<ModelId> dirty;
  std::set<std::pair<TimePoint, ModelId>> timers;  // lazily: never later than what a model has to do next
  std::set<ModelId> wanting;                       // models that want_of may speak for
  bool budgets_due = false;                        // rows or budgets changed
  bool plans_due = false;
  Priority strongest_want = Priority::low;  // at the last planning
  TimePoint plan_timer = kNever;            // when time alone may change what can be planned
  TimePoint announced_wake = kNever;
  bool complete_announced = false;

  // --- apply.cpp: one function an event ---------------------------------------------------------------------
  void apply(const Submit& e);
  void apply(const Abandon& e);
  void apply(const Finish& e);
  void apply(const Loaded& e);
  void apply(const LoadFailed& e);
  void apply(const Exited& e);
  void apply(const Slept& e);
  void apply(const Woken& e);
  void apply(const SleepFailed& e);
  void apply(const EffectFailed& e);
  void apply(const EffectTimedOut& e);
  void apply(const Preload& e);
  void apply(const Unload& e);
  void apply(const Pin& e);
  void apply(const Forget& e);
  void apply(const CatalogueChanged& e);
  void apply(const Shutdown& e);
  void apply(const Tick& e);
  std::optional<Refusal> refusal_of_newcomer(const Model& model, const Submit& e) const;
  static void take_learnt(Model& model, const Learnt& before);
  void change_entry(Model& model, const ModelSpec& spec);
  void remove_entry(Model& model);

  // --- memory.cpp -------------------------------------------------------------------------------------------
  void apply(const FootprintMeasured& e);
  void apply(const DeviceMeasured& e);
  void apply(const BytesReturned& e);
  void apply(const Trimmed& e);
  Unloaded receipt_of(const Row& row) const;
  void give_receipts(Row& row);
  bool answer_by_former(const Unload& e);
  void need_more(Model& model, const std::vector<DeviceId>& short_of);
  bool try_again(Model& model, Trigger trigger, const std::string& error);

  // --- plan.cpp ---------------------------------------------------------------------------------------------
  void plan();
  bool drop_unwanted(std::span<const Want> wants);
  bool give_back(std::span<const Decision> decisions);
  bool start_all(std::span<const Decision> decisions);
  bool spare(Plan& plan, const std::set<WorkerId>& needed);
  bool trims_first(const Plan& plan);
  void start(const Want& want, const Candidate& candidate);
  void give_notice(ModelId waiter);
  void drop_plan(ModelId waiter);
  void worker_idles(const Model& model, const Ready& ready);
  bool keeps_plan_without_waiters(Plan& plan);
  TimePoint plans_change(std::span<const Decision> decisions) const;

  // --- sleep.cpp --------------------------------------------------------------------------------------------
  void begin_sleep(Model& model, StopReason reason);
  void wake(const Want& want);
  void fail_sleep(Model& model);

  // --- reserve.cpp ------------------------------------------------------------------------------------------
  void apply(const Reserve& e);
  void grant(Model& model, Worker fresh, Bytes before);
  void expire_reservation(Model& model);
  void end_reservation(Model& model);

  // --- settle.cpp -------------------------------------------------------------------------------------------
  void settle();
  bool settle_once();
  void expire_timers();
  void expire(Model& model);
  void admit(Model& model);
  void drain(Model& model);
  void over_budget();
  void reindex(Model& model);
  void forget_removed(ModelId id);
  TimePoint next_due(const Model& model) const;
  TimePoint next_wake() const;

  // --- scheduler.cpp: the moves everything is made of -------------------------------------------------------
  Model* find(ModelId id);
  Model* model_of(WorkerId worker);
  Model* current(WorkerId worker);  // the model whose present worker this is, stopping included
  void touch(Model& model);
  // Every change of stage goes through here: checks the table, announces, marks what has to be settled.
  // `before` is what the model held, where that has just been changed.
  void transition(Model& model, Trigger trigger, State next, std::optional<Bytes> before = std::nullopt);
  void admit_waiter(Model& model, Ready& ready, const Waiter& waiter);
  void refuse(RequestId request, Refusal refusal);
  void refuse_all(Model& model, const Refusal& refusal);
  void begin_stop(Model& model, Trigger trigger, StopReason reason, std::optional<Failure> then = std::nullopt,
                  std::string error = {});
  void evict(Model& model, StopReason reason);  // or puts it to sleep, where that is enough
  void begin_drain(Model& model, DrainCause cause);
  void fail(Model& model, Trigger trigger, Failure how, const std::string& error,
            std::optional<Bytes> before = std::nullopt);
  void fail_load(Model& model, Trigger trigger, const std::string& error, std::optional<Bytes> before = std::nullopt,
                 const std::vector<DeviceId>& short_of = {});
  TimePoint retry_at(const Model& model) const;
  Bytes held_by(const Model& model) const;
};

}  // namespace rouse::core
