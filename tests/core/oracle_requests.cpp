// What the core may do with requests, checked effect by effect, in order: admit, refuse, cut, answer an unload.
#include <algorithm>
#include <format>
#include <ranges>
#include <utility>

#include "oracle.hpp"
#include "show.hpp"

namespace rouse::core::testing {

void Oracle::check(const Admit& e) {
  const auto it = requests_.find(e.request);
  if (it == requests_.end() || it->second.worker || it->second.unload)
    violate(5, std::format("r{} is admitted though it does not wait", e.request.value));
  Asked& asked = it->second;
  Process* const process = running(e.worker);
  if (process == nullptr || !process->ready || process->stopped || process->rest != Rest::none)
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
                process->rest != Rest::none || process->leases.size() >= process->spec.concurrency);
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
  for (const Placement& placement : model.spec.placements) {
    const Placement takes = size(model, placement);
    const auto beyond = [&](const DeviceBytes& share) { return share.bytes > account_.ever(share.device); };
    const auto proved = [&](const DeviceBytes& share) {
      return beyond(share) &&
             (model.oversize_failed || certain(model, placement, share.device) > account_.ever(share.device));
    };
    if (std::ranges::none_of(takes, beyond))
      violate(8, std::format("r{} is refused for ever though m{} fits", asked.id.value, asked.model.value));
    if (std::ranges::none_of(takes, proved))
      violate(8, std::format("r{} is refused for ever on a guess that has not been tried", asked.id.value));
  }
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
  if (total(e.freed) > Bytes{} && e.missing.empty() &&
      std::ranges::none_of(returned_now_, [&](const auto& item) { return item.second == e.freed; }))
    violate(3, std::format("the receipt r{} says bytes were seen back that were not", e.request.value));
  const bool still_holds = std::ranges::any_of(account_.holdings() | std::views::values, [&](const Holding& held) {
    return held.model == id && (held.phase == Phase::owed || held.phase == Phase::unconfirmed) &&
           total(held.bytes) > Bytes{};
  });
  if (e.worker == WorkerId{} && still_holds)
    violate(3, std::format("m{} is said to have held nothing while its bytes are still taken", id.value));
  requests_.erase(it);
}

// A receipt says what has just been seen back, or has just not been.
void Oracle::check(const Returned& e) {
  if (!e.missing.empty()) {
    const auto it = account_.holdings().find(e.worker);
    if (it == account_.holdings().end() || it->second.phase != Phase::unconfirmed ||
        total(e.missing) != total(it->second.bytes) ||
        total(e.freed) + total(e.missing) != total(it->second.ended_with))
      violate(3, std::format("the receipt of w{} says that bytes are missing which are not", e.worker.value));
    return;
  }
  const auto it = account_.holdings().find(e.worker);
  const bool held_none =
      it != account_.holdings().end() && it->second.phase == Phase::unconfirmed && total(it->second.bytes) == Bytes{};
  if (it != account_.holdings().end() && !held_none)
    violate(3, std::format("the receipt of w{} says bytes were seen back that were not", e.worker.value));
  returned_now_.erase(e.worker);
}

}  // namespace rouse::core::testing
