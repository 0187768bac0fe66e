// What the core may order, checked effect by effect, in order.
#include <algorithm>
#include <format>
#include <utility>

#include "oracle.hpp"
#include "show.hpp"

namespace rouse::core::testing {

void Oracle::check(const StartWorker& e) {
  if (e.worker <= newest_) violate(0, std::format("w{} has been used before", e.worker.value));
  newest_ = e.worker;
  Entry* const model = find(e.model);
  if (model == nullptr || model->removed)
    violate(0, std::format("m{} starts though it is not in the catalogue", e.model.value));
  if (shutdown_) violate(0, "a worker starts during shutdown");
  for (const auto& [id, process] : processes_) {
    if (process.model == e.model)
      violate(1, std::format("m{} gets w{} beside w{}", e.model.value, e.worker.value, id.value));
  }
  if (e.revision != model->spec.revision)
    violate(0, std::format("w{} starts revision {} and not {}", e.worker.value, e.revision, model->spec.revision));
  const bool by_operator =
      std::ranges::any_of(model->waiting, [&](RequestId id) { return requests_.at(id).origin == Origin::operator_; });
  if (model->waiting.empty() && !model->preload)
    violate(0, std::format("m{} starts though nobody wants it", e.model.value));
  if (!by_operator && now_ < later(model->failed_at, backoff(model->failures)))
    violate(10,
            std::format("m{} starts before its back-off after {} failures is over", e.model.value, model->failures));

  bool clamped = false;
  check_placement(*model, e, clamped);
  account_.holdings()[e.worker] = Holding{.model = e.model, .bytes = e.placement};
  for (const DeviceBytes& share : e.placement) {
    if (account_.held(share.device) > account_.effective(share.device))
      violate(2, std::format("the start of w{} raises d{} to {:.2f}G of {:.2f}G", e.worker.value, share.device.value,
                             static_cast<double>(account_.held(share.device).count) / (1 << 30),
                             static_cast<double>(account_.effective(share.device).count) / (1 << 30)));
  }
  check_precedence(e);
  const Duration longest = patience(Priority::low, Priority::high);
  const auto waited = since(*model, model->shortest);
  const bool patient = !model->waiting.empty() && waited && later(*waited, longest) <= now_;
  processes_[e.worker] = Process{.id = e.worker,
                                 .model = e.model,
                                 .spec = model->spec,
                                 .started = now_,
                                 .clamped = clamped,
                                 .by_cancelling = std::exchange(model->cancelled_one, false) && !model->waiting.empty(),
                                 .for_patient = patient};
  model->current = e.worker;
  model->failure.reset();
  --announced_[0];
}

// Nobody starts before a stronger waiter who would have fitted, nor takes what a stronger one was promised.
void Oracle::check_precedence(const StartWorker& e) const {
  const Entry& started = entry(e.model);
  const auto room = [&](const DeviceBytes& share, Bytes given_back) {
    return share.bytes <= account_.free(share.device) + given_back;
  };
  for (const auto& [id, model] : models_) {
    if (id == e.model || !startable(model) || !surely_stronger(model, started)) continue;
    const auto plan = plans_.find(id);
    if (plan != plans_.end() && std::ranges::contains(sizes(model), plan->second.placement)) {
      Plan promised = plan->second;
      std::map<DeviceId, Bytes> taken;  // a promise ends when a stronger plan takes its bytes
      for (const auto& [other, claim] : view_->plans) {
        if (other == id || surely_stronger(model, entry(other))) continue;
        std::erase_if(promised.victims, [&](WorkerId victim) { return claim.victims.contains(victim); });
        for (const auto& [device, bytes] : claim.placement)
          taken[device] += std::max(Bytes{}, bytes - gain(claim, device));
      }
      const auto fits_with = [&](bool without_start) {
        return std::ranges::all_of(promised.placement, [&](const DeviceBytes& share) {
          return room(share, gain(promised, share.device) - taken[share.device] +
                                 (without_start ? bytes_on(e.placement, share.device) : Bytes{}));
        });
      };
      if (fits_with(true) && !fits_with(false))
        violate(0, std::format("w{} takes what m{} was promised, which is stronger", e.worker.value, id.value));
    }
    if (!plans_.empty() || !view_->plans.empty()) continue;
    const std::vector<Placement> placements = sizes(model);
    const auto fits_before = [&](const Placement& placement) {
      return std::ranges::all_of(
          placement, [&](const DeviceBytes& share) { return room(share, bytes_on(e.placement, share.device)); });
    };
    if (std::ranges::any_of(placements, fits_before) &&
        std::ranges::none_of(placements, [&](const Placement& placement) { return fits(placement); }))
      violate(0, std::format("w{} starts before m{}, whose turn it is", e.worker.value, id.value));
  }
}

void Oracle::check_placement(const Entry& model, const StartWorker& e, bool& clamped) const {
  if (std::ranges::contains(sizes(model), e.placement)) return;
  clamped = true;
  const bool oversize = model.spec.size_source == SizeSource::estimated &&
                        std::ranges::any_of(model.spec.placements, [&](const Placement& placement) {
                          if (placement.size() != e.placement.size()) return false;
                          for (std::size_t i = 0; i < placement.size(); ++i) {
                            const auto& [device, bytes] = placement[i];
                            if (device != e.placement[i].device || e.placement[i].bytes > bytes) return false;
                            if (e.placement[i].bytes == bytes) continue;
                            if (bytes <= account_.ever(device)) return false;
                          }
                          return true;
                        });
  if (!oversize)
    violate(0, std::format("w{} is placed {} as nothing in its entry says", e.worker.value, show(e.placement)));
  if (model.oversize_failed)
    violate(8, std::format("m{}'s oversize estimate is tried again though it has failed", e.model.value));
}

void Oracle::check(const StopWorker& e) {
  Process* const process = running(e.worker);
  if (process == nullptr) violate(0, std::format("w{} is stopped though it does not run", e.worker.value));
  if (process->stopped) violate(0, std::format("w{} is stopped twice", e.worker.value));
  Entry& model = models_.at(process->model);
  if (process->ready) {
    check_stop_of_ready(*process, model);
  } else {
    check_stop_of_load(*process, model);
    const bool leaves_anyway = process->failed || shutdown_ || unloaded(*process, Force::no) || outdated(*process);
    if (const Plan* const plan = plan_against(e.worker); plan != nullptr && !leaves_anyway)
      models_.at(plan->waiter).cancelled_one = true;
  }
  process->stopped = now_;
  if (const auto it = account_.holdings().find(e.worker); it != account_.holdings().end()) it->second.leaving = true;
  --announced_[1];
}

void Oracle::check_stop_of_load(const Process& process, const Entry& model) const {
  if (process.failed || shutdown_) return;
  const bool wanted = !model.waiting.empty();
  if (unloaded(process, Force::yes) || (unloaded(process, Force::no) && !wanted)) return;
  if (wanted) violate(9, std::format("w{}'s load is cancelled though somebody waits for it", process.id.value));
  if (outdated(process)) return;
  if (model.pinned)
    violate(11, std::format("w{}'s load is cancelled though m{} is pinned", process.id.value, process.model.value));
  const Plan* const plan = plan_against(process.id);
  if (plan == nullptr || entry(plan->waiter).waiting.empty())
    violate(9, std::format("w{}'s load is cancelled though nobody waits for its bytes", process.id.value));
  if (process.by_cancelling)
    violate(9, std::format("w{}'s load was begun by cancelling another, and is cancelled itself", process.id.value));
}

void Oracle::check_stop_of_ready(const Process& process, const Entry& model) const {
  const auto uncut = std::ranges::count_if(process.leases, [&](RequestId id) { return !requests_.at(id).cut; });
  if (uncut > 0) violate(4, std::format("w{} is stopped under {} leases", process.id.value, uncut));
  if (shutdown_) return;
  if (unloaded(process, Force::no)) return;
  if (outdated(process)) return;
  if (model.pinned)
    violate(11, std::format("w{} is stopped though m{} is pinned", process.id.value, process.model.value));
  if (keep_expired(process, model)) return;
  const auto over = [&](const auto& share) { return share.bytes > Bytes{} && account_.over(share.device); };
  if (const auto it = account_.holdings().find(process.id); it != account_.holdings().end()) {
    if (std::ranges::any_of(it->second.bytes, over)) return;
  }
  if (process.draining) {  // judged when it was chosen; the plan must have been there until now
    const bool planned =
        std::ranges::any_of(plans_, [&](const auto& item) { return item.second.victims.contains(process.id); });
    if (!planned && plan_against(process.id) == nullptr)
      violate(7, std::format("w{} is stopped for nobody", process.id.value));
    return;
  }
  check_choice(process, model, "stopped");
}

// May this worker be chosen by the plan that names it?
void Oracle::check_choice(const Process& victim, const Entry& model, const char* verb) const {
  const Plan* const plan = plan_against(victim.id);
  if (plan == nullptr) violate(7, std::format("w{} is {} for nobody", victim.id.value, verb));
  const Entry& waiter = entry(plan->waiter);
  if (waiter.waiting.empty())
    violate(7, std::format("w{} is {} for m{}, for which nobody waits", victim.id.value, verb, plan->waiter.value));
  if (protected_slice(victim))
    violate(7, std::format("w{} is {} in the slice of the waiter it was started for", victim.id.value, verb));
  const Priority want = priority(waiter);
  const Priority mine = priority(model);
  if (want > mine) return;
  if (now_ < later(*victim.ready, residency(victim)))
    violate(7, std::format("w{} is {} for m{} of no higher priority before its residency is over", victim.id.value,
                           verb, plan->waiter.value));
  const auto waited = since(waiter, waiter.longest);
  const bool patient = waited && later(*waited, patience(want, mine)) <= now_;
  if (mine > want && !patient && (!victim.leases.empty() || now_ < later(victim.idle_since, keep_bounds(model).first)))
    violate(7, std::format("w{} is {} for m{} of lower priority within its keep, waited for since {}", victim.id.value,
                           verb, plan->waiter.value, waited ? show(*waited) : "now"));
}

// A worker takes no new leases for an unload, a changed entry, a shutdown, or a waiter past its patience.
void Oracle::check_drain(const Announce& e) const {
  const Process& process = processes_.at(e.worker);
  const Entry& model = entry(e.model);
  if (shutdown_ || unloaded(process, Force::no) || outdated(process)) return;
  if (model.pinned) violate(11, std::format("w{} is drained though m{} is pinned", e.worker.value, e.model.value));
  check_choice(process, model, "drained");
  if (process.leases.empty()) return;
  const Entry& waiter = entry(plan_against(e.worker)->waiter);
  const auto waited = since(waiter, waiter.longest);
  if (!waited || later(*waited, patience(priority(waiter), priority(model))) > now_)
    violate(7, std::format("busy w{} is drained for m{}, which is not past its patience: waited for since {}",
                           e.worker.value, plan_against(e.worker)->waiter.value, waited ? show(*waited) : "now"));
}

void Oracle::check(const KillWorker& e) {
  Process* const process = running(e.worker);
  if (process == nullptr) violate(0, std::format("w{} is killed though it does not run", e.worker.value));
  if (!process->stopped) violate(0, std::format("w{} is killed without having been asked to stop", e.worker.value));
  if (process->killed) violate(0, std::format("w{} is killed twice", e.worker.value));
  if (!timed_out_now_.contains(e.worker) && now_ < later(*process->stopped, least_grace(*process)))
    violate(0, std::format("w{} is killed within its grace", e.worker.value));
  process->killed = now_;
  --announced_[2];
}

void Oracle::check(const Admit& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || it->second.worker || it->second.unload)
    violate(5, std::format("r{} is admitted though it does not wait", e.request.value));
  Asked& asked = it->second;
  Process* const process = running(e.worker);
  if (process == nullptr || !process->ready || process->stopped)
    violate(0, std::format("r{} is admitted to w{}, which is not ready", e.request.value, e.worker.value));
  if (process->model != asked.model)
    violate(0, std::format("r{} is admitted to another model's worker", e.request.value));
  if (process->draining) violate(0, std::format("w{} takes a new lease though it drains", e.worker.value));
  if (asked.deadline <= now_) violate(6, std::format("r{} is admitted after its deadline", e.request.value));
  if (process->leases.size() >= process->spec.concurrency &&
      process->leases.size() >= entry(process->model).spec.concurrency)
    violate(0, std::format("w{} takes more leases than it serves at once", e.worker.value));
  check_turn(asked);
  stop_waiting(asked);
  asked.worker = e.worker;
  models_.at(asked.model).keeps = {asked.keep.value_or(entry(asked.model).spec.keep)};
  process->leases.insert(e.request);
}

// By priority, then (not checked here) fair between clients; whoever is past patience goes first, by arrival.
void Oracle::check_turn(const Asked& asked) const {
  const auto patient = [&](const Asked& a) { return later(a.since, policy_.patience) <= now_; };
  for (const RequestId id : entry(asked.model).waiting) {
    const Asked& other = requests_.at(id);
    if (other.id == asked.id) continue;
    const bool passed =
        patient(other) ? !patient(asked) || other.id < asked.id : !patient(asked) && other.priority > asked.priority;
    if (passed) violate(0, std::format("r{} is admitted before r{}, whose turn it is", asked.id.value, id.value));
  }
}

void Oracle::check(const Refuse& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || it->second.worker)
    violate(5, std::format("r{} is refused though it does not wait", e.request.value));
  if (it->second.unload) {
    check_refusal_of_unload(it->second, e.refusal);
  } else {
    check_refusal(it->second, e.refusal);
    stop_waiting(it->second);
  }
  requests_.erase(it);
}

void Oracle::check_refusal_of_unload(const Asked& asked, const Refusal& refusal) const {
  const auto it = models_.find(asked.model);
  const Entry* const model = it == models_.end() ? nullptr : &it->second;
  const bool right = [&] {
    switch (refusal.reason) {
      case Reason::unknown_model: return model == nullptr || model->removed;
      case Reason::loading:
        return asked.force == Force::no && model != nullptr && !model->waiting.empty() && model->current;
      case Reason::pinned: return asked.force == Force::no && model != nullptr && model->pinned;
      case Reason::will_not_die: return model != nullptr && model->current && process_of(*model)->killed.has_value();
      case Reason::shutting_down: return shutdown_.has_value();
      case Reason::queue_full:
      case Reason::deadline:
      case Reason::not_ready:
      case Reason::unloading:
      case Reason::load_failed:
      case Reason::too_large:
      case Reason::taken_by_pins: return false;
    }
    return false;
  }();
  if (!right)
    violate(5, std::format("the unload r{} is refused without cause: {}", asked.id.value, show(refusal.reason)));
}

void Oracle::check_refusal(const Asked& asked, const Refusal& refusal) const {
  const auto it = models_.find(asked.model);
  const bool known = it != models_.end() && !it->second.removed;
  static const Entry nobody;
  const Entry& model = it == models_.end() ? nobody : it->second;
  const Process* const process = process_of(model);
  const bool by_this_event = asked.since == now_;
  int invariant = 5;
  const bool right = [&] {
    switch (refusal.reason) {
      case Reason::unknown_model: return !known;
      case Reason::queue_full: return known && by_this_event && model.waiting.size() > model.spec.queue_limit;
      case Reason::deadline: invariant = 8; return asked.deadline <= now_;
      case Reason::not_ready:
        return known && asked.only_if_ready &&
               (process == nullptr || !process->ready || process->stopped || process->draining || outdated(*process) ||
                process->leases.size() >= process->spec.concurrency);
      case Reason::unloading: return unloading(asked.model);
      case Reason::load_failed:
        invariant = 10;
        return load_failed_now_ == asked.model ||
               (model.failure == Failure::load &&
                (process != nullptr || now_ < later(model.backoff_from, backoff(std::max(1U, model.failures)))));
      case Reason::will_not_die: return process != nullptr && process->killed.has_value();
      case Reason::too_large:
      case Reason::taken_by_pins: check_size_refusal(asked, refusal); return true;
      case Reason::shutting_down: return shutdown_.has_value();
      case Reason::loading:
      case Reason::pinned: return false;
    }
    return false;
  }();
  if (!right)
    violate(invariant, std::format("r{} for m{} is refused without cause: {}", asked.id.value, asked.model.value,
                                   show(refusal.reason)));
}

// For ever needs proof: the configured or measured size against what the device can ever offer, with the figures.
void Oracle::check_size_refusal(const Asked& asked, const Refusal& refusal) const {
  const Entry& model = entry(asked.model);
  if (refusal.needed <= refusal.available)
    violate(8, std::format("r{} is refused {} with figures that do not show it", asked.id.value, show(refusal.reason)));
  if (refusal.reason == Reason::taken_by_pins) {
    if (!blocked_by_pins(model, false))
      violate(8, std::format("r{} is refused for pins that leave m{} room", asked.id.value, asked.model.value));
    return;
  }
  const bool too_large = std::ranges::all_of(sizes(model), [&](const Placement& placement) {
    return std::ranges::any_of(placement,
                               [&](const DeviceBytes& share) { return share.bytes > account_.ever(share.device); });
  });
  if (!too_large) violate(8, std::format("r{} is refused for ever though m{} fits", asked.id.value, asked.model.value));
  if (model.spec.size_source == SizeSource::estimated && !model.oversize_failed && !model.measured)
    violate(8, std::format("r{} is refused for ever on an estimate that has not been tried", asked.id.value));
}

void Oracle::check(const CutLease& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || !it->second.worker)
    violate(0, std::format("r{} is cut though it holds no lease", e.request.value));
  if (it->second.cut) violate(0, std::format("r{} is cut twice", e.request.value));
  if (!may_cut(*it->second.worker)) violate(4, std::format("r{} is cut though nobody may", e.request.value));
  it->second.cut = true;
}

void Oracle::check(const Unloaded& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || !it->second.unload) violate(5, std::format("r{} asked for no unload", e.request.value));
  const ModelId id = it->second.model;
  const auto holding = it->second.ends ? account_.holdings().find(*it->second.ends) : account_.holdings().end();
  if (holding != account_.holdings().end() && !e.freed.empty() &&
      (holding->second.phase == Phase::live || holding->second.phase == Phase::owed))
    violate(3, std::format("m{} is reported as gone while its bytes are still taken", id.value));
  if (!e.freed.empty() && e.confirmed == Confirmed::yes &&
      std::ranges::none_of(returned_now_, [&](const auto& item) { return item.second == e.freed; }))
    violate(3, std::format("the receipt r{} says bytes were seen back that were not", e.request.value));
  requests_.erase(it);
}

void Oracle::check(const WakeAt& e) {
  if (e.time < now_) violate(0, std::format("wants to be woken in the past, at {}", show(e.time)));
  wake_ = e.time;
}

void Oracle::check(const Announce& e) {
  ++edges_[{e.from, e.trigger, e.to}];
  Entry* const model = find(e.model);
  if (model == nullptr) violate(0, std::format("a transition of unknown m{}", e.model.value));
  if (!legal(e.from, e.trigger, e.to))
    violate(0, std::format("m{}: {} --{}-> {} is not legal", e.model.value, name(e.from), name(e.trigger), name(e.to)));
  if (model->stage != e.from)
    violate(0, std::format("m{} leaves {} though it was {}", e.model.value, name(e.from), name(model->stage)));
  model->stage = e.to;
  if (e.trigger == Trigger::start) ++announced_[0];
  if (e.to == Stage::stopping && e.from != Stage::stopping) ++announced_[1];
  if (e.trigger == Trigger::stop_timed_out) ++announced_[2];
  if (e.trigger == Trigger::kill_timed_out) {
    model->undead = true;
    ++model->failures;
    model->failed_at = model->backoff_from = now_;
    const Process* const process = process_of(*model);
    if (process == nullptr || !process->killed)
      violate(0, std::format("m{} will not die, but nobody killed it", e.model.value));
    if (!timed_out_now_.contains(process->id) && now_ < later(*process->killed, policy_.kill_timeout))
      violate(0, std::format("w{} is given up before the kill has timed out", process->id.value));
    if (const auto it = account_.holdings().find(process->id); it != account_.holdings().end())
      it->second.phase = Phase::stuck;
  }
  if (e.trigger == Trigger::drain || e.trigger == Trigger::undrain) {
    Process* const process = running(e.worker);
    if (process == nullptr || process->stopped)
      violate(0, std::format("w{} drains though it does not serve", e.worker.value));
    if (e.trigger == Trigger::drain) check_drain(e);
    process->draining = e.trigger == Trigger::drain;
  }
}

void Oracle::check(const ShutdownComplete&) {
  if (!shutdown_) violate(0, "a shutdown completes that nobody asked for");
  if (shutdown_complete_) violate(0, "the shutdown completes twice");
  for (const auto& [id, process] : processes_) {
    if (!entry(process.model).undead) violate(0, std::format("the shutdown completes while w{} runs", id.value));
  }
  shutdown_complete_ = true;
}

}  // namespace rouse::core::testing
