// What the core may order of workers, checked effect by effect, in order; and what it announces of them.
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
  check_takes(e.worker, e.model, e.placement);
  const Duration longest = patience(Priority::low, Priority::high);
  const auto waited = since(*model, model->shortest);
  const bool patient = !model->waiting.empty() && waited && later(*waited, longest) <= now_;
  const auto plan = plans_.find(e.model);
  const bool as_planned = plan != plans_.end() && plan->second.placement == e.placement;  // and not made anew
  processes_[e.worker] =
      Process{.id = e.worker,
              .model = e.model,
              .spec = model->spec,
              .started = now_,
              .clamped = clamped,
              .by_cancelling = std::exchange(model->cancelled_one, false) && as_planned && !model->waiting.empty(),
              .for_patient = patient};
  model->current = e.worker;
  model->failure.reset();
  --announced_[0];
}

// A start or a grant.
void Oracle::check_takes(WorkerId worker, ModelId model, const Placement& takes) {
  account_.holdings()[worker] = Holding{.model = model, .bytes = takes};
  for (const DeviceBytes& share : takes) {
    if (account_.held(share.device) > account_.effective(share.device))
      violate(2, std::format("the start of w{} raises d{} to {:.2f}G of {:.2f}G", worker.value, share.device.value,
                             static_cast<double>(account_.held(share.device).count) / (1 << 30),
                             static_cast<double>(account_.effective(share.device).count) / (1 << 30)));
  }
  check_precedence(worker, model, takes);
}

// A reservation has no process that could be told anything: what is announced of it is what happens.
void Oracle::check_reservation(const Announce& e) {
  Entry& model = models_.at(e.model);
  switch (e.trigger) {
    case Trigger::start:
      if (e.worker <= newest_) violate(0, std::format("w{} has been used before", e.worker.value));
      newest_ = e.worker;
      if (shutdown_ || model.waiting.empty()) violate(0, "a reservation is granted that nobody waits for");
      check_takes(e.worker, e.model, model.spec.placements.front());
      for (const auto& [device, bytes] : model.spec.placements.front()) account_.granted(device);
      processes_[e.worker] = Process{.id = e.worker, .model = e.model, .spec = model.spec, .started = now_};
      model.current = e.worker;
      return;
    case Trigger::loaded: {
      Process& process = processes_.at(e.worker);
      process.ready = process.idle_since = now_;
      return;
    }
    case Trigger::stop:
      check_stop_of_ready(processes_.at(e.worker), model);
      processes_.at(e.worker).stopped = now_;
      return;
    case Trigger::exited:
      account_.holdings().at(e.worker).phase = Phase::lapsed;
      return process_ended(processes_.at(e.worker));
    case Trigger::drain:
      if (!shutdown_) violate(4, std::format("m{} is drained though it is reserved", e.model.value));
      return;
    case Trigger::load_failed:
    case Trigger::start_failed:
    case Trigger::load_timed_out:
    case Trigger::ran_out:
    case Trigger::cancel:
    case Trigger::undrain:
    case Trigger::sleep:
    case Trigger::slept:
    case Trigger::wake:
    case Trigger::woken:
    case Trigger::sleep_failed:
    case Trigger::wake_failed:
    case Trigger::stop_timed_out:
    case Trigger::kill_timed_out:
    case Trigger::clear: violate(0, std::format("m{} is a reservation, and can do no such thing", e.model.value));
  }
}

// Nobody starts before a stronger waiter who would have fitted, nor takes what a stronger one was promised.
void Oracle::check_precedence(WorkerId worker, ModelId of, const Placement& takes) const {
  if (trims_now_) return;  // a stronger one's plan waits for that, and cannot be seen yet
  const Entry& started = entry(of);
  const auto room = [&](const DeviceBytes& share, Bytes given_back) {
    return share.bytes <= account_.free(share.device) + given_back;
  };
  for (const auto& [id, model] : models_) {
    if (id == of || !startable(model) || !surely_stronger(model, started)) continue;
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
                                 (without_start ? bytes_on(takes, share.device) : Bytes{}));
        });
      };
      if (fits_with(true) && !fits_with(false))
        violate(0, std::format("w{} takes what m{} was promised, which is stronger", worker.value, id.value));
    }
    if (!plans_.empty() || !view_->plans.empty()) continue;
    const std::vector<Placement> placements = sizes(model);
    const auto fits_before = [&](const Placement& placement) {
      return std::ranges::all_of(placement,
                                 [&](const DeviceBytes& share) { return room(share, bytes_on(takes, share.device)); });
    };
    if (std::ranges::any_of(placements, fits_before) &&
        std::ranges::none_of(placements, [&](const Placement& placement) { return fits(placement); }))
      violate(0, std::format("w{} starts before m{}, whose turn it is", worker.value, id.value));
  }
}

void Oracle::check_placement(const Entry& model, const StartWorker& e, bool& clamped) const {
  if (std::ranges::contains(sizes(model), e.placement)) return;
  clamped = true;
  const bool oversize = std::ranges::any_of(model.spec.placements, [&](const Placement& placement) {
    const Placement guess = size(model, placement);
    if (guess.size() != e.placement.size()) return false;
    for (std::size_t i = 0; i < guess.size(); ++i) {
      const auto& [device, bytes] = guess[i];
      if (device != e.placement[i].device || e.placement[i].bytes > bytes) return false;
      if (e.placement[i].bytes == bytes) continue;
      if (bytes <= account_.ever(device) || certain(model, placement, device) > account_.ever(device)) return false;
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
  if (process->rest != Rest::none) {
    check_stop_of_rest(*process, model);
  } else if (process->ready) {
    check_stop_of_ready(*process, model);
  } else {
    check_stop_of_load(*process, model);
    const bool leaves_anyway =
        process->failed || process->ran_out || shutdown_ || unloaded(*process, Force::no) || outdated(*process);
    if (const Plan* const plan = plan_against(e.worker); plan != nullptr && !leaves_anyway)
      models_.at(plan->waiter).cancelled_one = true;
  }
  process->stopped = now_;
  if (const auto it = account_.holdings().find(e.worker); it != account_.holdings().end()) it->second.leaving = true;
  --announced_[1];
}

// An idle worker drops its caches before it has to give way, for somebody.
void Oracle::check(const TrimWorker& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || !process->ready || process->stopped || process->rest != Rest::none)
    violate(0, std::format("w{} is trimmed though it does not serve", e.worker.value));
  if (!process->leases.empty()) violate(4, std::format("w{} is trimmed under a lease", e.worker.value));
  if (!entry(process->model).spec.trims) violate(0, std::format("w{} is trimmed though it cannot", e.worker.value));
  if (process->trims_until > now_ && process->trims_until != kNever)
    violate(0, std::format("w{} is trimmed twice", e.worker.value));
  if (std::ranges::none_of(models_, [&](const auto& item) { return may_evict(item.second); }))
    violate(7, std::format("w{} is trimmed for nobody", e.worker.value));
  process->trims_until = later(now_, policy_.trim_timeout);
}

// A worker sleeps for the reasons for which it might be stopped, and takes no more for it than there is.
void Oracle::check(const SleepWorker& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || !process->ready || process->stopped || process->rest != Rest::none)
    violate(0, std::format("w{} is put to sleep though it does not serve", e.worker.value));
  const Entry& model = entry(process->model);
  if (!model.spec.asleep) violate(0, std::format("w{} is put to sleep though it cannot", e.worker.value));
  if (model.sleeps_badly) violate(10, std::format("w{} is put to sleep though that went wrong before", e.worker.value));
  if (shutdown_ || outdated(*process) || unloaded(*process, Force::no))
    violate(0, std::format("w{} is put to sleep though it is to end", e.worker.value));
  check_stop_of_ready(*process, model);
  Holding& holding = account_.holdings().at(e.worker);
  process->live = holding.bytes;
  holding.bytes = larger(holding.bytes, *model.spec.asleep);
  holding.stays = *model.spec.asleep;
  for (const auto& [device, bytes] : *holding.stays) {
    if (bytes > bytes_on(process->live, device) && account_.held(device) > account_.effective(device))
      violate(2, std::format("the sleep of w{} raises d{} above its budget", e.worker.value, device.value));
  }
  process->rest = Rest::falling_asleep;
  process->rest_since = now_;
  process->trims_until = kNever;
  process->draining = false;
  --announced_[3];
}

void Oracle::check(const WakeWorker& e) {
  Process* const process = running(e.worker);
  if (process == nullptr || process->stopped || process->rest != Rest::asleep)
    violate(0, std::format("w{} is woken though it does not sleep", e.worker.value));
  const Entry& model = entry(process->model);
  if (model.waiting.empty() && !model.preload)
    violate(0, std::format("w{} is woken though nobody wants it", e.worker.value));
  if (shutdown_ || outdated(*process)) violate(0, std::format("w{} is woken though it is to end", e.worker.value));
  const Placement takes = missing(*process);
  Holding& holding = account_.holdings().at(e.worker);
  holding.bytes = larger(holding.bytes, process->live);
  for (const auto& [device, bytes] : takes) {
    if (account_.held(device) > account_.effective(device))
      violate(2, std::format("the waking of w{} raises d{} above its budget", e.worker.value, device.value));
  }
  check_precedence(e.worker, process->model, takes);
  const auto waited = since(model, model.shortest);
  process->for_patient = waited && later(*waited, patience(Priority::low, Priority::high)) <= now_;
  process->rest = Rest::waking;
  process->rest_since = now_;
  --announced_[4];
}

// From being told to sleep until it is awake: an operator ends it, a change does, its failing to sleep or wake, its
// time asleep; and somebody who needs the bytes, unless whoever waits for it is as strong.
void Oracle::check_stop_of_rest(const Process& process, const Entry& model) const {
  if (shutdown_ || rest_failed_now_.contains(process.id)) return;
  const bool wanted = !model.waiting.empty();
  if (unloaded(process, Force::yes) || (unloaded(process, Force::no) && !wanted)) return;
  const auto lasted = [&](Duration time) { return later(process.rest_since, time) <= now_; };
  if (process.rest == Rest::waking) {
    const Duration learnt = model.wake_time.value_or(Duration{});
    if ((outdated(process) && !wanted) || lasted(std::max(policy_.load_timeout, 4 * learnt))) return;
    violate(9, std::format("w{} is stopped while it wakes", process.id.value));
  }
  if (outdated(process)) return;
  if (process.rest == Rest::falling_asleep) {
    if (lasted(std::min(process.spec.sleep_grace, model.spec.sleep_grace))) return;
    violate(9, std::format("w{} is stopped while it goes to sleep", process.id.value));
  }
  if (wanted && cannot_wake(process, false)) return;
  if (model.pinned)
    violate(11, std::format("sleeping w{} is stopped though m{} is pinned", process.id.value, process.model.value));
  if (!wanted && lasted(keep_asleep(process, model))) return;
  const auto over = [&](const auto& share) { return share.bytes > Bytes{} && account_.over(share.device); };
  if (std::ranges::any_of(account_.holdings().at(process.id).bytes, over)) return;
  const Plan* const plan = plan_against(process.id);
  if (plan == nullptr || !may_evict(entry(plan->waiter)))
    violate(7, std::format("sleeping w{} is stopped for nobody", process.id.value));
  if (is_reservation(plan->waiter)) return;
  const Entry& waiter = entry(plan->waiter);
  if (wanted && waiter.waiting.empty())
    violate(7, std::format("sleeping w{}, which somebody waits for, is stopped for a preload", process.id.value));
  if (wanted && priority(waiter) <= priority(model) && !past_patience(waiter, model))
    violate(7, std::format("sleeping w{}, which somebody waits for, is stopped for m{}, which is not stronger",
                           process.id.value, plan->waiter.value));
}

void Oracle::check_stop_of_load(const Process& process, const Entry& model) const {
  if (process.failed || process.ran_out || shutdown_) return;
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
  if (is_reservation(process.model) && reservation_is_over(process)) return;
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
  if (is_reservation(victim.model))
    violate(4, std::format("m{} is {} though it is reserved", victim.model.value, verb));
  const Entry& waiter = entry(plan->waiter);
  if (!may_evict(waiter))
    violate(7, std::format("w{} is {} for m{}, for which nobody waits", victim.id.value, verb, plan->waiter.value));
  if (waiter.waiting.empty() && !victim.leases.empty())
    violate(7, std::format("busy w{} is {} for a preload", victim.id.value, verb));
  if (is_reservation(plan->waiter)) return;
  if (protected_slice(victim))
    violate(7, std::format("w{} is {} in the slice of the waiter it was started for", victim.id.value, verb));
  const Priority want = priority(waiter);
  const Priority mine = priority(model);
  if (want > mine && !waiter.waiting.empty()) return;
  if (now_ < later(*victim.ready, residency(victim)))
    violate(7, std::format("w{} is {} for m{} of no higher priority before its residency is over", victim.id.value,
                           verb, plan->waiter.value));
  const auto waited = since(waiter, waiter.longest);
  const bool patient = past_patience(waiter, model);
  if (mine > want && !patient &&
      (!victim.leases.empty() || now_ < later(victim.idle_since, keep_bounds(victim, model).first)))
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
  if (is_reservation(e.model)) return check_reservation(e);
  if (e.trigger == Trigger::start) ++announced_[0];
  if (e.to == Stage::stopping && e.from != Stage::stopping) ++announced_[1];
  if (e.trigger == Trigger::stop_timed_out) ++announced_[2];
  if (e.trigger == Trigger::sleep) ++announced_[3];
  if (e.trigger == Trigger::wake) ++announced_[4];
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
