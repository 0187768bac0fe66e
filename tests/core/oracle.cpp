#include "oracle.hpp"

#include <algorithm>
#include <format>
#include <utility>

#include "show.hpp"

namespace rouse::core::testing {

void violate(int invariant, std::string what) { throw Violation{invariant, std::move(what)}; }

void Oracle::saw(const Event& event, TimePoint now, const Effects& effects, const View& view) {
  for (const auto& [id, asked] : requests_) {
    if (!asked.worker && !asked.unload && asked.deadline < now)
      violate(6, std::format("r{} has waited past its deadline {}: nobody asked to be woken", id.value,
                             show(asked.deadline)));
  }
  now_ = now;
  event_ = &event;
  view_ = &view;
  unloading_at_start_.clear();
  for (const auto& [id, asked] : requests_) {
    if (asked.unload) unloading_at_start_.insert(asked.model);
  }
  load_failed_now_.reset();
  timed_out_now_.clear();
  age_before_.reset();
  returned_now_.clear();
  announced_ = {};
  if (wake_ <= now) wake_ = kNever;  // it has rung, or this event came at the same moment

  apply(event);
  for (const Effect& effect : effects) {
    std::visit([this](const auto& e) { check(e); }, effect);
  }
  check_requests();
  check_workers();
  check_memory();
  check_plans();
  check_spared();
  check_progress();
  check_timer();
  forget();
}

void Oracle::finish(TimePoint now, const std::vector<RequestId>& owed) const {
  for (const RequestId id : owed) {
    const auto it = requests_.find(id);
    if (it == requests_.end()) continue;
    const Asked& asked = it->second;
    if (asked.unload) violate(5, std::format("the unload r{} has had no answer by {}", id.value, show(now)));
    if (!asked.worker)
      violate(12, std::format("r{} for m{} still waits at {}", id.value, asked.model.value, show(now)));
  }
  if (!shutdown_) return;
  for (const auto& [id, process] : processes_) {
    if (!process.stopped) violate(12, std::format("w{} still runs at {} though we shut down", id.value, show(now)));
  }
  if (!shutdown_complete_) violate(12, "the shutdown never completes");
}

void Oracle::apply(const Event& event) {
  account_.expire(now_);
  std::visit([this](const auto& e) { on(e); }, event);
  time_out_loads();
}

// A load takes the larger of the policy's bound and 4 × what was learnt at most.
void Oracle::time_out_loads() {
  for (auto& [id, process] : processes_) {
    if (process.ready || process.stopped || process.failed) continue;
    const Duration learnt = entry(process.model).load_time.value_or(Duration{});
    if (now_ < later(process.started, std::max(policy_.load_timeout, 4 * learnt))) continue;
    load_failed(process);
  }
}

// A removed model's id may be used anew once its last bytes are back; a plan that is dropped, or made anew, has
// cancelled nothing.
void Oracle::forget() {
  plans_ = view_->plans;
  // Whoever was answered at once has not waited, by the shortest reading.
  if (Entry* const model = age_before_ ? find(age_before_->first) : nullptr; model != nullptr && model->waiting.empty())
    model->shortest = age_before_->second;
  for (auto& [id, model] : models_) {
    const auto plan = view_->plans.find(id);
    if (plan == view_->plans.end() || !plan->second.cancels_a_load) model.cancelled_one = false;
    if (!model.removed || model.current || view_->models.contains(id)) continue;
    model = Entry{};
    model.removed = true;
  }
}

// --- from clients ---

void Oracle::on(const Submit& e) {
  requests_.emplace(e.request, Asked{.id = e.request,
                                     .model = e.model,
                                     .client = e.client,
                                     .priority = e.priority,
                                     .origin = e.origin,
                                     .only_if_ready = e.patience == Patience::only_if_ready,
                                     .since = now_,
                                     .deadline = e.deadline,
                                     .keep = e.keep});
  Entry* const model = find(e.model);
  if (model == nullptr || model->removed) return;
  if (model->waiting.empty()) {
    age_before_ = std::pair(e.model, model->shortest);
    for (Age* const age : {&model->longest, &model->shortest}) age->since = since(*model, *age).value_or(now_);
  }
  model->waiting.push_back(e.request);
}

void Oracle::on(const Abandon& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || it->second.worker || it->second.unload) return;
  stop_waiting(it->second);
  requests_.erase(it);
}

void Oracle::on(const Finish& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || it->second.unload) return;
  if (!it->second.worker) return on(Abandon{e.request});
  const Asked asked = it->second;
  requests_.erase(it);
  Process* const process = running(*asked.worker);
  if (process == nullptr) return;
  process->leases.erase(asked.id);
  if (process->leases.empty()) process->idle_since = now_;
  if (Entry* const model = find(process->model); model != nullptr && e.outcome == Outcome::ok) model->failures = 0;
}

// --- from workers ---

void Oracle::on(const Loaded& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->ready || process->stopped) return;
  process->ready = now_;
  process->idle_since = now_;
  Entry& model = models_.at(process->model);
  model.load_time = now_ - process->started;
  model.preload = false;
  restart(model, model.shortest);
  process->first.insert(model.waiting.begin(), model.waiting.end());
}

void Oracle::on(const LoadFailed& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->ready || process->stopped) return;
  load_failed(*process);
}

void Oracle::on(const Exited& e) {
  Process* const process = running(e.worker);
  if (process == nullptr) return;
  if (!process->ready && !process->stopped) load_failed(*process);
  const bool serving = process->ready && !process->stopped;
  if (const auto it = account_.holdings().find(e.worker); it != account_.holdings().end()) {
    it->second.phase = Phase::owed;
    it->second.leaving = true;
    it->second.until = later(now_, policy_.return_bound);
  }
  Entry& model = models_.at(process->model);
  if (serving) note_failure(model, Failure::crash);
  process_ended(*process);
}

void Oracle::on(const EffectFailed& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->ready) return;
  if (!process->stopped) load_failed(*process);
  if (const auto it = account_.holdings().find(e.worker); it != account_.holdings().end()) {
    returned_now_[e.worker] = it->second.bytes;
    account_.holdings().erase(it);
  }
  process_ended(*process);
}

void Oracle::on(const BytesReturned& e) {
  const auto it = account_.holdings().find(e.worker);
  if (it == account_.holdings().end()) return;
  returned_now_[e.worker] = it->second.bytes;
  account_.holdings().erase(it);
}

void Oracle::on(const EffectTimedOut& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || (process->ready && !process->stopped)) return;
  timed_out_now_.insert(e.worker);
  if (!process->stopped) load_failed(*process);
}

void Oracle::on(const FootprintMeasured& e) {
  const Process* const process = running(e.worker);
  const auto it = account_.holdings().find(e.worker);
  if (process == nullptr || it == account_.holdings().end() || it->second.phase != Phase::live) return;
  if (!same_devices(it->second.bytes, e.bytes)) return;
  it->second.bytes = e.bytes;
  if (!outdated(*process)) models_.at(process->model).measured = e.bytes;
}

void Oracle::load_failed(Process& process) {
  process.failed = true;
  Entry& model = models_.at(process.model);
  if (process.clamped && !outdated(process)) model.oversize_failed = true;
  model.preload = false;
  load_failed_now_ = process.model;
  note_failure(model, Failure::load);
}

// Whoever still waits has waited since now.
void Oracle::restart(const Entry& model, Age& age) const {
  age.since = model.waiting.empty() ? std::nullopt : std::optional(now_);
}

void Oracle::note_failure(Entry& model, Failure failure) {
  ++model.failures;
  model.failure = failure;
  model.failed_at = now_;
  model.backoff_from = now_;
}

void Oracle::process_ended(Process& process) {
  Entry& model = models_.at(process.model);
  restart(model, model.shortest);
  if (process.draining) restart(model, model.longest);
  if (model.current == process.id) model.current.reset();
  if (process.failed) model.backoff_from = now_;
  const bool cancelled = !process.ready && !process.failed;
  if (cancelled) model.backoff_from = TimePoint{};  // back-off belongs to the failed state, which that load had left
  if (std::exchange(model.undead, false)) {         // what would not die has ended after all: it may start again
    model.failure.reset();
    model.failed_at = model.backoff_from = TimePoint{};
  }
  processes_.erase(process.id);
}

// --- from the machine and the operator ---

// Where memory is not attributed the figures are frozen while a worker there loads or stops, or its bytes are owed.
void Oracle::on(const DeviceMeasured& e) {
  const bool frozen = !e.trees && std::ranges::any_of(account_.holdings(), [&](const auto& item) {
    const auto& [worker, holding] = item;
    if (bytes_on(holding.bytes, e.device) == Bytes{} || holding.phase == Phase::stuck) return false;
    if (holding.phase != Phase::live) return holding.phase == Phase::owed;
    const Process* const process = running(worker);
    return process == nullptr || !process->ready || process->stopped;
  });
  if (frozen) return account_.set_total(e.device, e.total);
  account_.sample(e);
}

void Oracle::on(const Preload& e) {
  if (Entry* const model = find(e.model); model != nullptr) model->preload = true;
}

void Oracle::on(const Unload& e) {
  Asked asked{.id = e.request,
              .model = e.model,
              .client = {},
              .unload = true,
              .force = e.force,
              .since = now_,
              .deadline = e.deadline};
  if (const Entry* const model = find(e.model); model != nullptr) {
    asked.ends = model->current;
    asked.pinned = model->pinned;
  }
  requests_.emplace(e.request, asked);
}

void Oracle::on(const Pin& e) {
  if (Entry* const model = find(e.model); model != nullptr) model->pinned = e.pinned;
}

void Oracle::on(const Forget& e) {
  Entry* const model = find(e.model);
  if (model == nullptr) return;
  model->failures = 0;
  if (!model->current) model->failure.reset();
  model->oversize_failed = false;
  model->load_time.reset();
  model->measured.reset();
}

void Oracle::on(const CatalogueChanged& e) {
  for (const ModelSpec& spec : e.changed) {
    Entry& model = models_[spec.id];
    if (!std::ranges::contains(model.keeps, spec.keep)) model.keeps.push_back(spec.keep);
    const bool another = model.removed || model.spec.revision != spec.revision;
    model.preload = model.preload || (another && spec.preload);
    model.spec = spec;
    model.removed = false;
    if (another) {
      model.failures = 0;
      if (!model.current) model.failure.reset();
      model.oversize_failed = false;
      model.load_time.reset();
      model.measured.reset();
    }
    if (const auto it = view_->models.find(spec.id); it != view_->models.end()) model.pinned = it->second.pinned;
  }
  for (const ModelId id : e.removed) {
    if (Entry* const model = find(id); model != nullptr) model->removed = true;
  }
  for (const Budget& budget : e.budgets) account_.set_budget(budget);
}

void Oracle::on(const Shutdown& e) { shutdown_ = shutdown_ ? std::min(*shutdown_, e.deadline) : e.deadline; }

void Oracle::on(const Tick&) {}

void Oracle::stop_waiting(const Asked& asked) {
  Entry* const model = find(asked.model);
  if (model == nullptr || std::erase(model->waiting, asked.id) == 0) return;
  if (model->waiting.empty()) model->longest.empty_since = model->shortest.empty_since = now_;
  if (Process* const process = model->current ? running(*model->current) : nullptr) process->first.erase(asked.id);
}

// --- words ---

Entry* Oracle::find(ModelId id) {
  const auto it = models_.find(id);
  return it == models_.end() ? nullptr : &it->second;
}

const Entry& Oracle::entry(ModelId id) const { return models_.at(id); }

Process* Oracle::running(WorkerId id) {
  const auto it = processes_.find(id);
  return it == processes_.end() ? nullptr : &it->second;
}

const Process* Oracle::process_of(const Entry& model) const {
  return model.current ? &processes_.at(*model.current) : nullptr;
}

bool Oracle::outdated(const Process& process) const {
  const Entry& model = entry(process.model);
  return model.removed || model.spec.revision != process.spec.revision;
}

bool Oracle::unloading(ModelId id) const {
  if (unloading_at_start_.contains(id)) return true;
  const auto* const e = std::get_if<Unload>(event_);
  return e != nullptr && e->model == id;
}

// Has an operator asked to unload this very worker, and rightly?
bool Oracle::unloaded(const Process& process, Force at_least) const {
  return std::ranges::any_of(requests_, [&](const auto& item) {
    const Asked& asked = item.second;
    return asked.unload && asked.ends == process.id && asked.force >= at_least &&
           (asked.force == Force::yes || !asked.pinned);
  });
}

bool Oracle::may_cut(WorkerId worker) const {
  if (shutdown_ && *shutdown_ <= now_) return true;
  return std::ranges::any_of(requests_, [&](const auto& item) {
    const Asked& asked = item.second;
    return asked.unload && asked.ends == worker && asked.force == Force::yes && asked.deadline <= now_;
  });
}

Priority Oracle::priority(const Entry& model) const {
  Priority best = model.spec.priority;
  for (const RequestId id : model.waiting) best = std::max(best, requests_.at(id).priority);
  return best;
}

Duration Oracle::patience(Priority waiter, Priority victim) const {
  Duration result = policy_.patience;
  for (int step = static_cast<int>(waiter); step < static_cast<int>(victim); ++step) result *= 2;
  return result;
}

std::optional<TimePoint> Oracle::since(const Entry& model, const Age& age) const {
  if (model.waiting.empty() && later(age.empty_since, policy_.patience) <= now_) return std::nullopt;
  return age.since;
}

Duration Oracle::residency(const Process& process) const {
  const Entry& model = entry(process.model);
  return std::max(std::min(process.spec.min_residency, model.spec.min_residency), model.load_time.value_or(Duration{}));
}

Duration Oracle::backoff(std::uint32_t failures) const {
  if (failures == 0) return Duration{};
  Duration result = policy_.backoff_first;
  for (std::uint32_t i = 1; i < failures && result < policy_.backoff_longest; ++i) result *= 2;
  return std::min(result, policy_.backoff_longest);
}

// The shortest and the longest that the core may rightly hold for the model's keep.
std::pair<Duration, Duration> Oracle::keep_bounds(const Entry& model) const {
  std::pair bounds(Duration::max(), Duration::zero());
  for (const Keep& keep : model.keeps) {
    bounds.first = std::min(bounds.first, keep.idle);
    bounds.second = std::max(bounds.second, keep.idle);
  }
  return bounds;
}

bool Oracle::keep_expired(const Process& process, const Entry& model) const {
  return process.leases.empty() && later(process.idle_since, keep_bounds(model).first) <= now_;
}

// Started for a waiter past patience: left alone until it has admitted those who were waiting when it became ready, or
// been ready for a slice.
bool Oracle::protected_slice(const Process& process) const {
  return process.for_patient && process.ready && !process.first.empty() && later(*process.ready, policy_.slice) > now_;
}

// Bytes nobody can have for the pins, by the narrow reading (serving or loading now) or the wide one (any row).
Bytes Oracle::pinned_on(DeviceId device, ModelId except, bool strictly) const {
  Bytes sum;
  for (const auto& [worker, holding] : account_.holdings()) {
    const bool stuck = holding.phase == Phase::stuck;
    if (holding.model == except && !stuck) continue;
    const auto it = processes_.find(worker);
    const bool pinned = entry(holding.model).pinned && it != processes_.end() && !it->second.stopped &&
                        (!strictly || (!it->second.draining && !outdated(it->second)));
    if (stuck || pinned) sum += bytes_on(holding.bytes, device);
  }
  return sum;
}

// Where it may go, and what it takes there: as it was seen, else as the entry says.
std::vector<Placement> Oracle::sizes(const Entry& model) const {
  std::vector<Placement> placements = model.spec.placements;
  for (Placement& placement : placements) {
    if (model.measured && same_devices(*model.measured, placement)) placement = *model.measured;
  }
  return placements;
}

Duration Oracle::least_grace(const Process& process) const {
  return std::min(process.spec.stop_grace, entry(process.model).spec.stop_grace);
}
Duration Oracle::most_grace(const Process& process) const {
  return std::max(process.spec.stop_grace, entry(process.model).spec.stop_grace);
}

bool Oracle::blocked_by_pins(const Entry& model, bool strictly) const {
  return std::ranges::all_of(sizes(model), [&](const Placement& placement) {
    return std::ranges::any_of(placement, [&](const DeviceBytes& share) {
      return share.bytes > account_.ever(share.device) - pinned_on(share.device, model.spec.id, strictly);
    });
  });
}

bool Oracle::fits(const Placement& placement) const {
  return std::ranges::all_of(placement,
                             [&](const DeviceBytes& share) { return share.bytes <= account_.free(share.device); });
}

// Could a worker be started for it if there were room?
bool Oracle::startable(const Entry& model) const {
  if (model.waiting.empty() || model.removed || model.current) return false;
  const bool by_operator =
      std::ranges::any_of(model.waiting, [&](RequestId id) { return requests_.at(id).origin == Origin::operator_; });
  return by_operator || later(model.backoff_from, backoff(model.failures)) <= now_;
}

// Whoever is past patience goes first, by arrival; else by priority.
bool Oracle::surely_stronger(const Entry& one, const Entry& other) const {
  if (one.waiting.empty()) return false;
  const TimePoint one_at_latest = since(one, one.shortest).value_or(now_);
  const TimePoint one_at_earliest = since(one, one.longest).value_or(now_);
  const TimePoint other_at_earliest = since(other, other.longest).value_or(now_);
  const auto patient = [&](TimePoint start) { return later(start, policy_.patience) <= now_; };
  if (patient(other_at_earliest)) return patient(one_at_latest) && one_at_latest < other_at_earliest;
  return patient(one_at_latest) || (!patient(one_at_earliest) && priority(one) > priority(other));
}

// What a plan's victims hold that leave for it.
Bytes Oracle::gain(const Plan& plan, DeviceId device) const {
  Bytes sum;
  for (const WorkerId victim : plan.victims) {
    const auto it = account_.holdings().find(victim);
    if (it == account_.holdings().end()) continue;
    if (it->second.phase != Phase::live && it->second.phase != Phase::owed) continue;
    const auto process = processes_.find(victim);
    const bool leaves =
        process == processes_.end() || process->second.stopped ||
        (process->second.draining && (!entry(process->second.model).pinned || shutdown_ ||
                                      unloaded(process->second, Force::no) || outdated(process->second)));
    if (leaves) sum += bytes_on(it->second.bytes, device);
  }
  return sum;
}

const Plan* Oracle::plan_against(WorkerId victim) const {
  for (const auto& [id, plan] : view_->plans) {
    if (plan.victims.contains(victim)) return &plan;
  }
  return nullptr;
}

}  // namespace rouse::core::testing
