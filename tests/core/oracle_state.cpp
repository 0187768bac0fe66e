// What must hold when a step is over: requests, workers, progress, and the timer.
#include <algorithm>
#include <format>

#include "oracle.hpp"
#include "show.hpp"

namespace rouse::core::testing {

void Oracle::check_requests() const {
  for (const auto& [id, model] : models_) {
    const auto it = view_->models.find(id);
    if (it == view_->models.end()) {
      if (!model.waiting.empty()) violate(5, std::format("m{} is forgotten though somebody waits", id.value));
      continue;
    }
    if (it->second.queue.size() != model.waiting.size())
      violate(5, std::format("m{} has {} waiting, by its queue {}", id.value, model.waiting.size(),
                             it->second.queue.size()));
  }
  for (const auto& [id, asked] : requests_) {
    if (asked.unload) {
      const auto holding = asked.ends ? account_.holdings().find(*asked.ends) : account_.holdings().end();
      const bool over = holding == account_.holdings().end() || holding->second.phase == Phase::unconfirmed;
      const bool gone = !asked.ends || !processes_.contains(*asked.ends);
      if (over && gone) violate(5, std::format("the unload r{} is over and has had no answer", id.value));
    }
    if (asked.worker || asked.unload) continue;
    if (asked.deadline <= now_) violate(6, std::format("r{} waits past its deadline", id.value));
    const auto it = models_.find(asked.model);
    if (it == models_.end() || it->second.removed)
      violate(5, std::format("r{} waits for m{}, which does not exist", id.value, asked.model.value));
    if (shutdown_) violate(5, std::format("r{} waits during shutdown", id.value));
    const Process* const process = process_of(it->second);
    if (asked.only_if_ready && asked.since == now_ && (process == nullptr || !process->ready))
      violate(5, std::format("r{} waits though it said only if ready", id.value));
    const auto* const submitted = std::get_if<Submit>(event_);
    if (submitted != nullptr && submitted->request == id && it->second.waiting.size() > it->second.spec.queue_limit)
      violate(5, std::format("r{} waits in a queue that was full", id.value));
  }
}

void Oracle::check_workers() const {
  if (announced_ != std::array<int, 5>{})
    violate(0, "starts, stops, kills, sleeps or wakes are not announced as they are ordered");
  for (const auto& [id, model] : models_) {
    const auto it = view_->models.find(id);
    if (it == view_->models.end()) {
      if (model.current) violate(3, std::format("m{} is forgotten though it has a worker", id.value));
      continue;
    }
    if (stage(it->second.state) != model.stage)
      violate(0,
              std::format("m{} is {}, announced was {}", id.value, name(stage(it->second.state)), name(model.stage)));
    if (load_failed_now_ == id && !model.removed) {
      for (const RequestId waiting : model.waiting) {
        if (requests_.at(waiting).since < now_)
          violate(10, std::format("r{} still waits though m{}'s load has failed", waiting.value, id.value));
      }
    }
    const Process* const process = process_of(model);
    if (process == nullptr) continue;
    if ((process->failed || process->ran_out) && !process->stopped)
      violate(12, std::format("w{} is left running though its load has failed", process->id.value));
    if (process->rest == Rest::waking && !process->stopped && shutdown_)
      violate(12, std::format("w{} goes on waking during shutdown", process->id.value));
    const bool idle = process->ready && !process->stopped && process->leases.empty() && process->rest != Rest::waking;
    if (!idle) continue;
    if (shutdown_ || outdated(*process))
      violate(12, std::format("idle w{} is not stopped though its time is over", process->id.value));
    if (process->rest == Rest::asleep && !model.pinned && model.waiting.empty() &&
        later(process->rest_since, keep_asleep(*process, model)) <= now_)
      violate(0, std::format("w{} outstays its time asleep", process->id.value));
    if (process->rest != Rest::none) continue;
    if (!model.pinned && !process->draining && later(process->idle_since, keep_bounds(*process, model).second) <= now_)
      violate(0, std::format("idle w{} outstays its keep", process->id.value));
  }
  for (const auto& [id, asked] : requests_) {
    if (asked.worker && !asked.cut && may_cut(*asked.worker) && processes_.contains(*asked.worker))
      violate(is_reservation(asked.model) ? 6 : 4,
              std::format("r{} still holds its lease at the deadline of an unload or shutdown", id.value));
  }
}

// What cannot wait: a free lease, free bytes, a refusal that is certain.
void Oracle::check_progress() const {
  for (const auto& [id, model] : models_) {
    if (model.waiting.empty() || model.removed) continue;
    const Process* const process = process_of(model);
    if (process != nullptr && unloaded(*process, Force::no))
      violate(12, std::format("somebody waits for m{}, which is being unloaded", id.value));
    if (process != nullptr && model.undead)
      violate(12, std::format("somebody waits for m{}, which will not die", id.value));
    if (process != nullptr) {
      if (process->rest == Rest::asleep && !process->stopped) {
        const bool alone = !others_make_room(id);
        if (cannot_wake(*process, true))
          violate(12, std::format("somebody waits for w{}, which sleeps and can never wake", process->id.value));
        if (alone && fits(missing(*process)))
          violate(12, std::format("somebody waits for w{}, which sleeps and could wake", process->id.value));
        continue;
      }
      const bool takes = process->ready && !process->stopped && process->rest == Rest::none && !process->draining &&
                         !outdated(*process) &&
                         process->leases.size() < std::min(process->spec.concurrency, model.spec.concurrency);
      if (takes) violate(12, std::format("somebody waits for w{}, which has a free lease", process->id.value));
      continue;
    }
    if (!startable(model)) continue;
    const auto oversize = [&](const Placement& placement) {
      return std::ranges::any_of(placement,
                                 [&](const auto& share) { return share.bytes > account_.ever(share.device); });
    };
    const bool guess = model.spec.size_source == SizeSource::estimated || model.needs;
    if (!(guess && std::ranges::any_of(sizes(model), oversize)) && blocked_by_pins(model, true))
      violate(8,
              std::format("somebody waits for m{}, whose bytes are taken by pins or more than can ever be", id.value));
    const bool alone = !others_make_room(id);
    if (alone && std::ranges::any_of(sizes(model), [&](const Placement& p) { return fits(p); }))
      violate(12, std::format("somebody waits for m{}, which fits into free bytes that nobody else was promised",
                              id.value));
  }
}

// The core must have asked to be woken by the time at which something changes by time alone.
void Oracle::check_timer() const {
  // Put into words for a violation alone: this is asked some ten times a step.
  const auto need = [&](int invariant, TimePoint due, std::format_string<std::uint64_t&> what, std::uint64_t whom) {
    if (due != kNever && wake_ > due)
      violate(invariant,
              std::format("sleeps until {}, though {} at {}", show(wake_), std::format(what, whom), show(due)));
  };
  const auto uncut = [&](RequestId id) { return !requests_.at(id).cut; };
  for (const auto& [id, asked] : requests_) {
    if (!asked.worker && !asked.unload) need(6, asked.deadline, "r{}'s deadline comes", id.value);
    if (!asked.unload || asked.force == Force::no || asked.deadline <= now_ || !asked.ends) continue;
    const auto process = processes_.find(*asked.ends);
    if (process != processes_.end() && std::ranges::any_of(process->second.leases, uncut))
      need(4, asked.deadline, "the forced unload r{} cuts leases", id.value);
  }
  for (const auto& [worker, holding] : account_.holdings()) {
    if (holding.phase == Phase::owed) need(3, holding.until, "w{}'s bytes become unconfirmed", worker.value);
  }
  for (const auto& [id, process] : processes_) {
    const Entry& model = entry(process.model);
    if (process.rest != Rest::none && !process.stopped) {
      const Duration learnt = model.wake_time.value_or(Duration{});
      if (process.rest == Rest::falling_asleep)
        need(12, later(process.rest_since, std::max(process.spec.sleep_grace, model.spec.sleep_grace)),
             "w{}'s sleep times out", id.value);
      if (process.rest == Rest::waking)
        need(12, later(process.rest_since, std::max(policy_.load_timeout, 4 * learnt)), "w{}'s waking times out",
             id.value);
      if (process.rest == Rest::asleep && !model.pinned && model.waiting.empty())
        need(0, later(process.rest_since, keep_asleep(process, model)), "w{}'s time asleep is over", id.value);
      continue;
    }
    if (process.ready && !process.stopped && process.leases.empty() && !process.draining && !model.pinned)
      need(0, later(process.idle_since, keep_bounds(process, model).second), "w{}'s keep expires", id.value);
    if (is_reservation(process.model) && process.ready && std::ranges::any_of(process.leases, uncut))
      need(6, later(*process.ready, process.spec.reserved_for), "the reservation w{} ends", id.value);
    if (process.trims_until != kNever && !process.stopped && !process.draining)
      need(12, process.trims_until, "w{} has dropped its caches or has not", id.value);
    if (process.stopped && !process.killed && !model.undead)
      need(12, later(*process.stopped, most_grace(process)), "w{}'s grace ends", id.value);
    if (process.killed && !model.undead)
      need(12, later(*process.killed, policy_.kill_timeout), "w{}'s kill times out", id.value);
  }
  for (const auto& [id, model] : models_) {
    if (!model.waiting.empty() && !model.current && model.failures > 0 &&
        later(model.backoff_from, backoff(model.failures)) > now_)
      need(12, later(model.backoff_from, backoff(model.failures)), "m{}'s back-off ends", id.value);
  }
  if (shutdown_ && *shutdown_ > now_ &&
      std::ranges::any_of(processes_, [&](const auto& item) { return std::ranges::any_of(item.second.leases, uncut); }))
    need(4, *shutdown_, "the shutdown cuts leases", 0);
}

}  // namespace rouse::core::testing
