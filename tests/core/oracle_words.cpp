// The words in which the checks are written: who runs, who waits since when, what fits where, who goes first.
#include <algorithm>

#include "oracle.hpp"

namespace rouse::core::testing {

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
  if (const auto it = processes_.find(worker); it != processes_.end() && is_reservation(it->second.model))
    return shutdown_ || reservation_is_over(it->second);
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
  const auto& cost = process.woken ? model.wake_time : model.load_time;
  const Duration unsaid = std::max<Duration>(std::chrono::seconds(2), cost.value_or(Duration{}));
  return std::min(process.spec.min_residency.value_or(unsaid), model.spec.min_residency.value_or(unsaid));
}

Duration Oracle::backoff(std::uint32_t failures) const {
  if (failures == 0) return Duration{};
  Duration result = policy_.backoff_first;
  for (std::uint32_t i = 1; i < failures && result < policy_.backoff_longest; ++i) result *= 2;
  return std::min(result, policy_.backoff_longest);
}

// The shortest and the longest that the core may rightly hold for the model's keep.
std::pair<Duration, Duration> Oracle::keep_bounds(const Process& process, const Entry& model) const {
  if (beside_others(process)) {
    std::pair bounds(policy_.shared_keep, Duration::zero());
    for (const Keep& keep : model.keeps) {
      bounds.first = std::min(bounds.first, keep.idle);
      bounds.second = std::max(bounds.second, std::min(policy_.shared_keep, keep.idle));
    }
    return bounds;
  }
  std::pair bounds(Duration::max(), Duration::zero());
  for (const Keep& keep : model.keeps) {
    bounds.first = std::min(bounds.first, keep.idle);
    bounds.second = std::max(bounds.second, keep.idle);
  }
  return bounds;
}

bool Oracle::keep_expired(const Process& process, const Entry& model) const {
  return process.leases.empty() && later(process.idle_since, keep_bounds(process, model).first) <= now_;
}

Duration Oracle::keep_asleep(const Process& process, const Entry& model) const {
  const Duration own = model.spec.keep_asleep.idle;
  return beside_others(process) ? std::min(own, policy_.shared_keep) : own;
}

// A program that is not ours computes on a device where it holds something.
bool Oracle::beside_others(const Process& process) const {
  const auto it = account_.holdings().find(process.id);
  return it != account_.holdings().end() && std::ranges::any_of(it->second.bytes, [&](const DeviceBytes& share) {
           return share.bytes > Bytes{} && account_.shared(share.device);
         });
}

bool Oracle::reservation_is_over(const Process& process) const {
  return process.ready && later(*process.ready, process.spec.reserved_for) <= now_;
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
    if (!stuck && !pinned) continue;
    sum += bytes_on(holding.bytes, device);
    if (holding.stays) sum -= Account::gives(holding, device);  // falling asleep: that is on its way
  }
  return sum;
}

// Where it may go, and what it takes there: as was learnt or seen, whichever is more, else as the entry says; never
// less than is configured.
std::vector<Placement> Oracle::sizes(const Entry& model) const {
  std::vector<Placement> placements;
  for (const Placement& placement : model.spec.placements) placements.push_back(size(model, placement));
  return placements;
}

Placement Oracle::size(const Entry& model, const Placement& placement) const {
  Placement known;
  for (const auto* seen : {&model.needs, &model.measured}) {
    if (*seen && same_devices(**seen, placement)) known = larger(known, **seen);
  }
  if (known.empty()) return placement;
  return model.spec.size_source == SizeSource::configured ? larger(placement, known) : known;
}

// What it surely takes there: as it was seen, or as is configured and not learnt otherwise.
Bytes Oracle::certain(const Entry& model, const Placement& placement, DeviceId device) const {
  const SizeSource source = model.spec.size_source;
  const bool told =
      source == SizeSource::configured || (source == SizeSource::measured && size(model, placement) == placement);
  const bool seen = model.measured && same_devices(*model.measured, placement);
  return std::max(told ? bytes_on(placement, device) : Bytes{}, seen ? bytes_on(*model.measured, device) : Bytes{});
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

// What a sleeping worker has to get back.
Placement Oracle::missing(const Process& asleep) const {
  Placement result;
  const Placement& has = account_.holdings().at(asleep.id).bytes;
  for (const auto& [device, bytes] : asleep.live) {
    if (bytes > bytes_on(has, device)) result.push_back({device, bytes - bytes_on(has, device)});
  }
  return result;
}

// What it takes awake is more than there can ever be beside the pins.
bool Oracle::cannot_wake(const Process& asleep, bool strictly) const {
  return std::ranges::any_of(asleep.live, [&](const DeviceBytes& share) {
    return share.bytes > account_.ever(share.device) - pinned_on(share.device, asleep.model, strictly);
  });
}

// By the reading of the rules that makes it wait longest.
bool Oracle::past_patience(const Entry& waiter, const Entry& victim) const {
  const auto waited = since(waiter, waiter.longest);
  return waited && later(*waited, patience(priority(waiter), priority(victim))) <= now_;
}

// Those who wait may, and a model that a fallback stood in for.
bool Oracle::may_evict(const Entry& waiter) const {
  return !waiter.waiting.empty() || (waiter.preload && waiter.preload_evicts);
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
    if (it->second.stays && !it->second.leaving) {
      sum += Account::gives(it->second, device);
      continue;
    }
    const bool leaves =
        process == processes_.end() || process->second.stopped ||
        (process->second.draining && (!entry(process->second.model).pinned || shutdown_ ||
                                      unloaded(process->second, Force::no) || outdated(process->second)));
    if (leaves) sum += bytes_on(it->second.bytes, device);
  }
  return sum;
}

// Plans are made for others, or will be as soon as caches have been dropped.
bool Oracle::others_make_room(ModelId waiter) const {
  return trims_now_ || std::ranges::any_of(view_->plans, [&](const auto& item) { return item.first != waiter; });
}

const Plan* Oracle::plan_against(WorkerId victim) const {
  for (const auto& [id, plan] : view_->plans) {
    if (plan.victims.contains(victim)) return &plan;
  }
  return nullptr;
}

}  // namespace rouse::core::testing
