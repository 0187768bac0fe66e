// What the oracle knows from the events alone.
#include <algorithm>
#include <utility>

#include "oracle.hpp"

namespace rouse::core::testing {
namespace {

bool between_sleep_and_service(const Process& process) {
  return !process.stopped && (process.rest == Rest::falling_asleep || process.rest == Rest::waking);
}

}  // namespace

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
  model.tried_again = false;
  restart(model, model.shortest);
  process->first.insert(model.waiting.begin(), model.waiting.end());
}

void Oracle::on(const LoadFailed& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->ready || process->stopped) return;
  ran_out(*process, e.short_of);
  if (!e.short_of.empty() && tries_again(*process)) return;
  load_failed(*process);
}

void Oracle::on(const Exited& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || is_reservation(process->model)) return;
  if (!process->stopped) ran_out(*process, e.short_of);
  if (!process->ready && !process->stopped && (e.short_of.empty() || !tries_again(*process))) load_failed(*process);
  const bool serving = process->ready && !process->stopped;
  if (const auto it = account_.holdings().find(e.worker); it != account_.holdings().end()) {
    it->second.phase = Phase::owed;
    it->second.leaving = true;
    it->second.until = later(now_, policy_.return_bound);
    it->second.ended_with = it->second.bytes;
  }
  Entry& model = models_.at(process->model);
  if (between_sleep_and_service(*process)) model.sleeps_badly = true;
  if (serving && model.failures + 1 >= policy_.crashes_in_a_row)
    fails_for_its_waiters(model);
  else if (serving)
    note_failure(model, Failure::crash);
  process_ended(*process);
}

void Oracle::on(const Slept& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->rest != Rest::falling_asleep || process->stopped) return;
  process->rest = Rest::asleep;
  process->rest_since = now_;
  Holding& holding = account_.holdings().at(e.worker);
  holding.bytes = *std::exchange(holding.stays, std::nullopt);
  Entry& model = models_.at(process->model);
  restart(model, model.longest);
  restart(model, model.shortest);
}

void Oracle::on(const Woken& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->rest != Rest::waking || process->stopped) return;
  process->rest = Rest::none;
  process->ready = process->idle_since = now_;
  process->woken = true;
  account_.holdings().at(e.worker).bytes = process->live;
  Entry& model = models_.at(process->model);
  model.wake_time = now_ - process->rest_since;
  model.preload = false;
  restart(model, model.shortest);
  process->first = {model.waiting.begin(), model.waiting.end()};
}

void Oracle::on(const SleepFailed& e) {
  const Process* const process = running(e.worker);
  if (process == nullptr || !between_sleep_and_service(*process)) return;
  rest_failed_now_.insert(e.worker);
  models_.at(process->model).sleeps_badly = true;
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
  if (it == account_.holdings().end() || is_reservation(it->second.model)) return;
  Holding& holding = it->second;
  if (!e.devices.empty()) {
    if (holding.phase != Phase::owed && holding.phase != Phase::unconfirmed) return;
    for (DeviceBytes& share : holding.bytes) {
      if (!is_group(share.device) && std::ranges::contains(e.devices, share.device)) share.bytes = Bytes{};
    }
    if (total(holding.bytes) > Bytes{}) return;
  }
  returned_now_[e.worker] = holding.ended_with.empty() ? holding.bytes : holding.ended_with;
  account_.holdings().erase(it);
}

void Oracle::on(const EffectTimedOut& e) {
  Process* const process = running(e.worker);
  if (process == nullptr) return;
  if (process->rest != Rest::none && !process->stopped) return on(SleepFailed{e.worker, {}});
  if (process->ready && !process->stopped) return;
  timed_out_now_.insert(e.worker);
  if (!process->stopped) load_failed(*process);
}

void Oracle::on(const FootprintMeasured& e) {
  const Process* const process = running(e.worker);
  const auto it = account_.holdings().find(e.worker);
  if (process == nullptr || it == account_.holdings().end() || it->second.phase != Phase::live) return;
  if (!same_devices(it->second.bytes, e.bytes)) return;
  if (between_sleep_and_service(*process)) return;
  const bool loads = !process->ready && !process->stopped;
  it->second.bytes = loads ? larger(it->second.bytes, e.bytes) : e.bytes;
  if (loads || process->rest == Rest::asleep || process->stopped) return;
  if (!outdated(*process)) models_.at(process->model).measured = e.bytes;
}

void Oracle::on(const Trimmed& e) {
  if (Process* const process = running(e.worker)) process->trims_until = kNever;
}

// It needs a quarter more than it has where its memory ran out.
void Oracle::ran_out(const Process& process, const std::vector<DeviceId>& short_of) {
  const auto it = account_.holdings().find(process.id);
  if (it == account_.holdings().end() || short_of.empty() || outdated(process) || process.rest != Rest::none) return;
  Placement more = it->second.bytes;
  for (const DeviceId device : short_of) {
    for (DeviceBytes& share : more) {
      if (share.device == device && !is_group(device)) share.bytes += Bytes{share.bytes.count / 4};
    }
  }
  std::optional<Placement>& needs = models_.at(process.model).needs;
  needs = needs && same_devices(*needs, more) ? larger(*needs, more) : more;
}

// Once, where anybody waits for it, and it was not given all that there is.
bool Oracle::tries_again(Process& process) {
  Entry& model = models_.at(process.model);
  if (model.waiting.empty() || model.tried_again || model.removed) return false;
  model.tried_again = true;
  process.ran_out = !process.clamped || outdated(process);
  return process.ran_out;
}

void Oracle::load_failed(Process& process) {
  process.failed = true;
  Entry& model = models_.at(process.model);
  if (process.clamped && !outdated(process)) model.oversize_failed = true;
  fails_for_its_waiters(model);
}

void Oracle::fails_for_its_waiters(Entry& model) {
  model.preload = false;
  load_failed_now_ = model.spec.id;
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
    if (is_reservation(holding.model)) return false;
    if (holding.phase != Phase::live) return holding.phase == Phase::owed;
    const Process* const process = running(worker);
    return process == nullptr || !process->ready || process->stopped || process->rest == Rest::falling_asleep ||
           process->rest == Rest::waking;
  });
  account_.set_shared(e.device, e.shared);
  if (frozen) return account_.set_total(e.device, e.total);
  account_.sample(e, now_, policy_.calm);
}

// A model of that size, and one who waits for it.
void Oracle::on(const Reserve& e) {
  const Asked asked{.id = e.request,
                    .model = e.reservation,
                    .client = e.client,
                    .priority = e.priority,
                    .since = now_,
                    .deadline = e.deadline};
  requests_.emplace(e.request, asked);
  Entry& model = models_[e.reservation];
  model.spec.id = e.reservation;
  model.spec.placements = {{{e.device, e.bytes}}};
  model.spec.size_source = SizeSource::configured;
  model.spec.priority = e.priority;
  model.spec.keep = Keep{Duration::zero()};
  model.spec.concurrency = 1;
  model.spec.min_residency = Duration::zero();
  model.spec.reserved_for = e.lasts;
  model.keeps = {model.spec.keep};
  model.longest.since = model.shortest.since = now_;
  model.waiting.push_back(e.request);
}

void Oracle::on(const Preload& e) {
  Entry* const model = find(e.model);
  if (model == nullptr) return;
  model->preload_evicts = e.evicts == Evicts::yes || (model->preload && model->preload_evicts);
  model->preload = true;
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
  if (!asked.ends) {  // its last worker's bytes may still be on their way
    for (const auto& [worker, holding] : account_.holdings()) {
      if (holding.model == e.model && holding.phase == Phase::owed) asked.ends = worker;
    }
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
  model->tried_again = false;
  model->sleeps_badly = false;
  model->load_time.reset();
  model->wake_time.reset();
  model->needs.reset();
  model->measured.reset();
}

void Oracle::on(const CatalogueChanged& e) {
  for (const ModelSpec& spec : e.changed) {
    Entry& model = models_[spec.id];
    if (!std::ranges::contains(model.keeps, spec.keep)) model.keeps.push_back(spec.keep);
    const bool another = model.removed || model.spec.revision != spec.revision;
    model.preload = model.preload || (another && spec.preload);
    const Learnt before = another ? Learnt{} : model.spec.learnt;
    model.spec = spec;
    model.removed = false;
    if (another) {
      model.failures = 0;
      if (!model.current) model.failure.reset();
      model.oversize_failed = false;
      model.tried_again = false;
      model.sleeps_badly = false;
      model.load_time.reset();
      model.wake_time.reset();
      model.needs.reset();
      model.measured.reset();
    }
    if (spec.learnt.footprint != before.footprint) model.measured = spec.learnt.footprint;
    if (spec.learnt.needed != before.needed) model.needs = spec.learnt.needed;
    if (spec.learnt.load != before.load) model.load_time = spec.learnt.load;
    if (spec.learnt.wake != before.wake) model.wake_time = spec.learnt.wake;
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

}  // namespace rouse::core::testing
