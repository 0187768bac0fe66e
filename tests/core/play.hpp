// A small, obliging world for histories that are told step by step: workers load, stop and return their bytes as told,
// leases last as told, and time moves only when the test says so.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/scheduler.hpp"

namespace rouse::core {

inline constexpr Duration kHangs = Duration::max();

// How the workers of a model behave.
struct Behaviour {
  Duration load = std::chrono::milliseconds(100);  // kHangs: never
  Duration stop = std::chrono::milliseconds(10);   // kHangs: ignores the request, and if kill hangs too, that
  Duration kill = std::chrono::milliseconds(10);
  Duration bytes = std::chrono::milliseconds(1);  // after its exit; kHangs: nobody ever says so
  std::optional<std::string> load_error = {};
};

// How a client asks.
struct Ask {
  Duration lease = std::chrono::milliseconds(50);  // kHangs: until finish()
  Duration patience = kHangs;                      // the client leaves when it has waited that long
  Priority priority = Priority::normal;
  Duration deadline = std::chrono::minutes(10);
  std::uint64_t client = 1;
  std::optional<Keep> keep = {};
  Patience only = Patience::may_wait;
  Origin origin = Origin::client;
};

class Play {
 public:
  explicit Play(Bytes budget, Policy policy = {}) : scheduler_(policy) {
    CatalogueChanged change;
    change.budgets.push_back({kHost, budget, budget, Bytes{}});
    feed(change);
  }

  // --- the catalogue --------------------------------------------------------------------------------------------
  ModelId add(ModelSpec spec, Behaviour behaviour = Behaviour()) {
    spec.id = ModelId{next_model_++};
    behaviours_[spec.id] = behaviour;
    CatalogueChanged change;
    change.changed.push_back(spec);
    feed(change);
    return spec.id;
  }
  static ModelSpec sized(Bytes bytes) {
    ModelSpec spec;
    spec.placements = {{{kHost, bytes}}};
    spec.size_source = SizeSource::configured;
    return spec;
  }
  void set(const Policy& policy) {
    CatalogueChanged change;
    change.policy = policy;
    feed(change);
  }
  Behaviour& behaviour(ModelId id) { return behaviours_.at(id); }

  // --- requests -------------------------------------------------------------------------------------------------
  struct Request {
    ModelId model;
    TimePoint submitted;
    std::optional<TimePoint> admitted;
    std::optional<TimePoint> finished;
    std::optional<Refusal> refused;
    bool cut = false;
    bool abandoned = false;
    WorkerId worker{};
  };
  RequestId ask(ModelId model, Ask ask) {
    const RequestId id{next_request_++};
    asked_[id] = ask;
    requests_[id] = Request{.model = model, .submitted = now_, .admitted = {}, .finished = {}, .refused = {}};
    if (ask.patience != kHangs) at(now_ + ask.patience, Abandon{id});
    feed(Submit{.request = id,
                .model = model,
                .client = ClientId{ask.client},
                .priority = ask.priority,
                .deadline = now_ + ask.deadline,
                .keep = ask.keep,
                .patience = ask.only,
                .origin = ask.origin});
    return id;
  }
  RequestId ask(ModelId model) { return ask(model, Ask()); }
  void promise(const Reserve& wish) {  // it lasts until it is cut, or finish()
    asked_[wish.request] = Ask{.lease = kHangs};
    requests_[wish.request] =
        Request{.model = wish.reservation, .submitted = now_, .admitted = {}, .finished = {}, .refused = {}};
    feed(wish);
  }
  void finish(RequestId id, Outcome outcome = Outcome::ok) {
    requests_.at(id).finished = now_;
    feed(Finish{id, outcome});
  }
  RequestId unload(ModelId model, Force force = Force::no, Duration deadline = std::chrono::seconds(10)) {
    const RequestId id{next_request_++};
    requests_[id] = Request{.model = model, .submitted = now_, .admitted = {}, .finished = {}, .refused = {}};
    feed(Unload{id, model, force, now_ + deadline});
    return id;
  }

  // --- time -----------------------------------------------------------------------------------------------------
  void at(TimePoint time, Event event) { events_.emplace(time, std::move(event)); }
  void run_for(Duration duration) { run_until(now_ + duration); }
  void run_until(TimePoint until) {
    for (;;) {
      const TimePoint next = std::min(events_.empty() ? kNever : events_.begin()->first, std::max(wake_, now_));
      if (next > until) break;
      now_ = std::max(now_, next);
      if (!events_.empty() && events_.begin()->first <= now_) {
        Event event = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        deliver(std::move(event));
      } else {
        wake_ = kNever;
        feed(Tick{});
      }
    }
    now_ = std::max(now_, until);
  }
  void feed(const Event& event) {
    for (const Effect& effect : scheduler_.step(event, now_)) std::visit([this](const auto& e) { perform(e); }, effect);
  }

  // --- seeing ---------------------------------------------------------------------------------------------------
  TimePoint now() const { return now_; }
  const View& view() const { return scheduler_.view(); }
  const Request& request(RequestId id) const { return requests_.at(id); }
  const std::map<RequestId, Request>& requests() const { return requests_; }
  Stage stage(ModelId id) const { return rouse::core::stage(view().models.at(id).state); }
  WorkerId worker(ModelId id) const { return rouse::core::worker(view().models.at(id).state)->id; }
  int starts(ModelId id) const { return starts_.contains(id) ? starts_.at(id) : 0; }
  int stops(ModelId id) const { return stops_.contains(id) ? stops_.at(id) : 0; }
  const std::vector<Announce>& announced() const { return announced_; }
  const std::map<RequestId, Unloaded>& unloaded() const { return unloaded_; }
  const std::vector<Returned>& returned() const { return returned_; }
  const std::vector<WorkerId>& trims() const { return trims_; }  // that were told to
  bool shutdown_complete() const { return shutdown_complete_; }
  Bytes most_held() const { return most_held_; }

 private:
  void deliver(Event event) {
    if (const auto* finish = std::get_if<Finish>(&event)) {
      if (requests_.at(finish->request).finished) return;
      requests_.at(finish->request).finished = now_;
    }
    if (const auto* leave = std::get_if<Abandon>(&event)) {
      if (requests_.at(leave->request).admitted || requests_.at(leave->request).refused) return;
      requests_.at(leave->request).abandoned = true;
    }
    if (const auto* loaded = std::get_if<Loaded>(&event); loaded && !alive_.contains(loaded->worker)) return;
    if (const auto* exited = std::get_if<Exited>(&event)) {
      if (alive_.erase(exited->worker) == 0) return;
      const Duration bytes = behaviours_.at(models_.at(exited->worker)).bytes;
      if (bytes != kHangs) at(now_ + bytes, BytesReturned{exited->worker});
    }
    feed(event);
  }

  void perform(const StartWorker& e) {
    ++starts_[e.model];
    models_[e.worker] = e.model;
    alive_.insert(e.worker);
    const Behaviour& b = behaviours_.at(e.model);
    if (b.load_error)
      at(later(now_, b.load), LoadFailed{e.worker, *b.load_error});
    else if (b.load != kHangs)
      at(now_ + b.load, Loaded{e.worker});
    Bytes held;
    for (const auto& [id, row] : view().ledger.rows()) held += total(row.bytes);
    most_held_ = std::max(most_held_, held);
  }
  void perform(const StopWorker& e) {
    ++stops_[models_.at(e.worker)];
    if (const Duration stop = behaviours_.at(models_.at(e.worker)).stop; stop != kHangs)
      at(now_ + stop, Exited{e.worker, "stopped"});
  }
  void perform(const KillWorker& e) {
    if (const Duration kill = behaviours_.at(models_.at(e.worker)).kill; kill != kHangs)
      at(now_ + kill, Exited{e.worker, "killed"});
  }
  void perform(const SleepWorker& e) { at(now_ + std::chrono::milliseconds(20), Slept{e.worker}); }
  void perform(const WakeWorker& e) { at(now_ + std::chrono::milliseconds(30), Woken{e.worker}); }
  void perform(const Admit& e) {
    Request& request = requests_.at(e.request);
    request.admitted = now_;
    request.worker = e.worker;
    if (const Duration lease = asked_.at(e.request).lease; lease != kHangs)
      at(now_ + lease, Finish{e.request, Outcome::ok});
  }
  void perform(const Refuse& e) { requests_.at(e.request).refused = e.refusal; }
  void perform(const CutLease& e) {
    requests_.at(e.request).cut = true;
    at(now_, Finish{e.request, Outcome::failed});
  }
  void perform(const Unloaded& e) { unloaded_[e.request] = e; }
  void perform(const Returned& e) { returned_.push_back(e); }
  void perform(const TrimWorker& e) { trims_.push_back(e.worker); }
  void perform(const WakeAt& e) { wake_ = e.time; }
  void perform(const Announce& e) { announced_.push_back(e); }
  void perform(const ShutdownComplete&) { shutdown_complete_ = true; }

  Scheduler scheduler_;
  TimePoint now_{std::chrono::seconds(1000)};
  TimePoint wake_ = kNever;
  std::multimap<TimePoint, Event> events_;
  std::map<ModelId, Behaviour> behaviours_;
  std::map<RequestId, Request> requests_;
  std::map<RequestId, Ask> asked_;
  std::map<WorkerId, ModelId> models_;
  std::set<WorkerId> alive_;
  std::map<ModelId, int> starts_;
  std::map<ModelId, int> stops_;
  std::vector<Announce> announced_;
  std::map<RequestId, Unloaded> unloaded_;
  std::vector<Returned> returned_;
  std::vector<WorkerId> trims_;
  bool shutdown_complete_ = false;
  Bytes most_held_;
  std::uint64_t next_model_ = 1;
  std::uint64_t next_request_ = 1;
};

}  // namespace rouse::core
