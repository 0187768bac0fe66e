#include "core/placement.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/fault.hpp"
#include "core/sleep.hpp"

namespace rouse::core {
namespace {

const Model* model_of(const View& view, const Row& row) {
  const auto it = view.models.find(row.model);
  return it == view.models.end() ? nullptr : &it->second;
}

const Model* current_model(const View& view, const Row& row) {  // whose present worker holds the row
  const Model* model = model_of(view, row);
  const Worker* held = model ? worker(model->state) : nullptr;
  return held && held->id == row.worker ? model : nullptr;
}

// Its process is being stopped or put to sleep, or gone, and its bytes are expected back.
bool returning(const View& view, const Row& row) {
  if (row.phase == Phase::owed) return true;
  if (row.phase != Phase::live) return false;
  const Model* model = current_model(view, row);
  return model && (std::holds_alternative<Stopping>(model->state) || std::holds_alternative<Sleeping>(model->state));
}

// A victim of `plan` that still counts for it.
bool still_coming(const View& view, const Plan& plan, const Row& row) {
  if (returning(view, row)) return true;
  if (row.phase != Phase::live) return false;
  const Model* model = current_model(view, row);
  const auto* draining = model ? std::get_if<Draining>(&model->state) : nullptr;
  if (!draining) return false;
  const auto* by_plan = std::get_if<DrainedByPlan>(&draining->cause);
  return !by_plan || (by_plan->waiter == plan.waiter && (!model->pinned || ROUSE_FAULT(evicts_pinned)));
}

bool drains_for(const View& view, ModelId waiter, const Row& row) {
  const Model* model = current_model(view, row);
  const auto* draining = model ? std::get_if<Draining>(&model->state) : nullptr;
  const auto* by_plan = draining ? std::get_if<DrainedByPlan>(&draining->cause) : nullptr;
  return by_plan && by_plan->waiter == waiter;
}

Holds unmovable(const View& view) {  // held by pins and by what will not die: never by a model that could be started
  Holds held;
  for (const auto& [id, row] : view.ledger.rows()) {
    const Model* model = current_model(view, row);
    if (row.phase != Phase::stuck && !(row.phase == Phase::live && model && pins(*model))) continue;
    const bool sleeps = model && std::holds_alternative<Sleeping>(model->state);  // what it gives is on its way
    for (const auto& [device, bytes] : row.bytes) held[device] += sleeps ? bytes - given_on(view, row, device) : bytes;
  }
  return held;
}

Bytes on_device(const Holds& holds, DeviceId device) {
  const auto it = holds.find(device);
  return it == holds.end() ? Bytes{} : it->second;
}

class Shortage {
 public:
  Shortage(const View& view, const Placement& placement, const Holds& stronger) : view_(view) {
    for (const auto& [device, bytes] : placement)
      short_.push_back({device, bytes - (view.ledger.free(device) - on_device(stronger, device))});
  }
  bool none() const {
    return std::ranges::all_of(short_, [](const DeviceBytes& s) { return s.bytes <= Bytes{}; });
  }
  bool helped_by(const Row& row) const {
    return std::ranges::any_of(
        short_, [&](const DeviceBytes& s) { return s.bytes > Bytes{} && given_on(view_, row, s.device) > Bytes{}; });
  }
  bool spares(const Row& row) const {  // none even without it
    return std::ranges::all_of(
        short_, [&](const DeviceBytes& s) { return s.bytes + given_on(view_, row, s.device) <= Bytes{}; });
  }
  bool beyond(const Holds& offered) const {  // not even all of that is enough
    return std::ranges::any_of(short_, [&](const DeviceBytes& s) { return s.bytes > on_device(offered, s.device); });
  }
  void take(const Row& row) { add(row, -1); }
  void give_back(const Row& row) { add(row, +1); }

 private:
  void add(const Row& row, int sign) {
    for (DeviceBytes& s : short_) {
      const Bytes part = given_on(view_, row, s.device);
      s.bytes += sign > 0 ? part : -part;
    }
  }
  const View& view_;
  std::vector<DeviceBytes> short_;
};

std::optional<Plan> plan_for(const View& view, const Want& want, const Placement& placement, const Holds& stronger,
                             const Plan* old, const Offers::List& possible) {
  Plan plan{.waiter = want.model, .placement = placement, .victims = {}};
  Shortage shortage(view, placement, stronger);
  std::vector<Offers::Victim> spareable;  // in the order in which they were chosen
  if (old) {
    plan.cancels_a_load = old->cancels_a_load;
    for (WorkerId id : old->victims) {
      const Row* row = view.ledger.find(id);
      if (!row || !still_coming(view, *old, *row)) continue;
      plan.victims.insert(id);
      shortage.take(*row);
      if (drains_for(view, want.model, *row)) spareable.push_back({2, value(view, *current_model(view, *row)), row});
    }
  }
  if (shortage.beyond(possible.sum)) return std::nullopt;
  for (const Offers::Victim& victim : possible.victims) {
    if (shortage.none()) break;
    const bool itself = current_model(view, *victim.row) != nullptr && victim.row->model == want.model;
    if (itself || !shortage.helped_by(*victim.row)) continue;
    plan.victims.insert(victim.row->worker);
    shortage.take(*victim.row);
    spareable.push_back(victim);
  }
  if (!shortage.none()) return std::nullopt;
  // Chosen by value, then the unneeded spared: the dearest first.
  std::ranges::stable_sort(spareable, std::greater{},
                           [](const Offers::Victim& v) { return std::tuple(v.tier, v.value); });
  for (const Offers::Victim& victim : spareable) {
    if (!shortage.spares(*victim.row)) continue;
    plan.victims.erase(victim.row->worker);
    shortage.give_back(*victim.row);
  }
  return plan;
}

}  // namespace

Placement size_in(const Model& model, const Placement& placement) {
  Placement known;
  for (const auto* seen : {&model.needs, &model.measured}) {
    if (*seen && same_devices(**seen, placement)) known = larger(known, **seen);
  }
  if (known.empty()) return placement;
  // What it holds by now may be less than it will: what is configured is at least kept free for it.
  return model.spec.size_source == SizeSource::configured ? larger(placement, known) : known;
}

std::optional<Want> want_of(const View& view, const Model& model) {
  if (model.removed || view.shutting_down) return std::nullopt;
  if (const auto* failed = std::get_if<Failed>(&model.state)) {
    if (failed->undead) return std::nullopt;
    if (view.now < failed->retry_at && !model.queue.has_operator()) return std::nullopt;
  } else if (!std::holds_alternative<Cold>(model.state) &&
             (!std::holds_alternative<Asleep>(model.state) || ROUSE_FAULT(forgets_sleeper))) {
    return std::nullopt;
  }
  const bool evicts = model.preload && model.preload_evicts;
  if (!model.queue.empty() || (view.plans.contains(model.spec.id) && !evicts))
    return Want{model.spec.id, priority(model), model.queue.waiting_since(view.now, view.policy.patience)};
  if (model.preload) return Want{model.spec.id, model.spec.priority, std::nullopt, true, evicts};
  return std::nullopt;
}

void sort_by_strength(const View& view, std::vector<Want>& wants) {
  std::ranges::sort(wants, {}, [&](const Want& w) {
    const bool patient = w.since && later(*w.since, view.policy.patience) <= view.now;
    const TimePoint since = w.since.value_or(kNever);
    return std::tuple(w.preload, !patient, patient ? since : TimePoint{}, -static_cast<int>(w.priority), since,
                      w.model);
  });
}

bool fits(const View& view, const Placement& placement, const Holds& stronger) {
  return Shortage(view, placement, stronger).none();
}

namespace {

// Awake again where it is: what it has given up is all that it needs; or why that can never be.
std::variant<std::vector<Candidate>, Refusal> waking(const View& view, const Model& model, const Asleep& asleep,
                                                     const Holds& unmovable) {
  const Row& row = *view.ledger.find(asleep.worker.id);
  Candidate candidate;
  for (const auto& [device, bytes] : asleep.live) {
    const Bytes has = bytes_on(row.bytes, device);
    const Bytes ever = view.ledger.ever(device);
    const Bytes offered = ever - on_device(unmovable, device) + (pins(model) ? has : Bytes{});
    if (bytes > offered)
      return Refusal{.reason = bytes > ever ? Reason::too_large : Reason::taken_by_pins,
                     .device = device,
                     .needed = bytes,
                     .available = std::max(Bytes{}, std::min(ever, offered))};
    if (bytes > has) candidate.placement.push_back({device, bytes - has});
  }
  return std::vector{std::move(candidate)};
}

// The placements that the model could ever get, the preferred first, an estimate that is too large clamped to what
// pins leave; or why there is none.
std::variant<std::vector<Candidate>, Refusal> candidates(const View& view, const Model& model, const Holds& unmovable) {
  if (const auto* asleep = std::get_if<Asleep>(&model.state)) return waking(view, model, *asleep, unmovable);
  std::vector<Candidate> found;
  std::optional<Refusal> refusal;
  auto refuse = [&](Reason reason, DeviceId device, Bytes needed, Bytes available) {
    if (refusal && refusal->reason == Reason::taken_by_pins) return;  // one that pins take could be had some day
    refusal = Refusal{.reason = reason, .device = device, .needed = needed, .available = available};
  };
  for (const Placement& placement : model.spec.placements) {
    Candidate candidate{size_in(model, placement)};
    // What was seen, or configured and not learnt otherwise, is no guess.
    const SizeSource source = model.spec.size_source;
    Placement certain;
    if (source == SizeSource::configured || (source == SizeSource::measured && candidate.placement == placement))
      certain = placement;
    if (model.measured && same_devices(*model.measured, placement)) certain = larger(certain, *model.measured);
    bool possible = true;
    for (auto& [device, bytes] : candidate.placement) {
      const Bytes ever = view.ledger.ever(device);
      const Bytes offered = std::max(Bytes{}, ever - on_device(unmovable, device));
      if (bytes > ever) {
        const bool tried = model.oversize == Oversize::proved_too_large;
        if (bytes_on(certain, device) > ever || tried || ever == Bytes{}) {
          refuse(Reason::too_large, device, bytes, ever);
          possible = false;
          break;
        }
        if (offered > Bytes{}) {
          bytes = offered;
          candidate.clamped = true;
          continue;
        }
      }
      if (bytes > offered) {
        refuse(Reason::taken_by_pins, device, bytes, offered);
        possible = false;
        break;
      }
    }
    if (possible) found.push_back(std::move(candidate));
  }
  if (found.empty()) return *refusal;
  return found;
}

}  // namespace

Bytes expected_of(const View& view, const Plan& plan, DeviceId device) {
  Bytes sum;
  for (WorkerId id : plan.victims) {
    if (const Row* row = view.ledger.find(id)) sum += given_on(view, *row, device);
  }
  return sum;
}

std::vector<Decision> decide(const View& view, std::span<const Want> wants) {
  std::vector<Decision> decisions;
  decisions.reserve(wants.size());
  Holds stronger;
  Offers offers(view);
  const Holds held_for_ever = unmovable(view);
  for (const Want& want : wants) {
    const Model& model = view.models.at(want.model);
    Decision& decision = decisions.emplace_back(want, Waits{});
    const auto possible = candidates(view, model, held_for_ever);
    if (const auto* refusal = std::get_if<Refusal>(&possible)) {
      decision.then = *refusal;
      continue;
    }
    const Worker* sleeper = worker(model.state);
    if (sleeper && offers.is_claimed(sleeper->id)) continue;  // a stronger want has it stopped
    const auto& placements = std::get<0>(possible);
    if (ROUSE_FAULT(refuses_shortage) && !fits(view, placements.front().placement, stronger)) {
      decision.then = Refusal{.reason = Reason::too_large};
      continue;
    }
    const bool wanted_now = !model.queue.empty() || want.preload;
    const auto fitting =
        std::ranges::find_if(placements, [&](const Candidate& c) { return fits(view, c.placement, stronger); });
    if (wanted_now &&
        (fitting != placements.end() || ROUSE_FAULT(ignores_budget) || (sleeper && ROUSE_FAULT(wakes_without_room)))) {
      const Candidate& chosen = fitting != placements.end() ? *fitting : placements.front();
      if (sleeper) offers.claim(sleeper->id);
      for (const auto& [device, bytes] : chosen.placement) stronger[device] += bytes;
      decision.then = chosen;
      continue;
    }
    if ((want.preload && !want.evicts) || ROUSE_FAULT(forgets_waiter)) continue;
    const auto it = view.plans.find(want.model);
    const Plan* old = it == view.plans.end() ? nullptr : &it->second;
    auto plan = make_plan(view, offers, want, placements, stronger, old);
    // Nobody is evicted for those who have left.
    const bool chooses_anew =
        plan && !std::ranges::all_of(plan->victims, [&](WorkerId v) { return old && old->victims.contains(v); });
    if (!plan || (model.queue.empty() && chooses_anew && !want.evicts)) continue;
    if (old) plan->until = old->until;
    for (const auto& [device, bytes] : plan->placement)
      stronger[device] += std::max(Bytes{}, bytes - expected_of(view, *plan, device));
    offers.claim(*plan);
    if (sleeper) offers.claim(sleeper->id);
    decision.then = std::move(*plan);
  }
  return decisions;
}

Offers::Offers(const View& view) : view_(view) {
  for (const auto& [waiter, plan] : view.plans) claimed_.insert(plan.victims.begin(), plan.victims.end());
}

void Offers::claim(const Plan& plan) {
  for (WorkerId victim : plan.victims) claim(victim);
}

void Offers::claim(WorkerId worker) {
  if (claimed_.insert(worker).second) lists_.clear();
}

const Offers::List& Offers::to(const Want& want) {
  std::array<int, 6> key{static_cast<int>(want.priority), want.preload, 0, 0, 0, is_reservation(want.model)};
  for (const Priority p : {Priority::low, Priority::normal, Priority::high})
    key[2 + static_cast<std::size_t>(p)] = past_patience(view_, want, p);
  const auto [it, fresh] = lists_.try_emplace(key);
  List& list = it->second;
  if (!fresh) return list;
  for (const auto& [id, row] : view_.ledger.rows()) {
    if (claimed_.contains(id)) continue;
    if (returning(view_, row)) {
      list.victims.push_back({0, 0, &row});
      continue;
    }
    const Model* model = current_model(view_, row);
    if (!model || row.phase != Phase::live) continue;
    const auto* draining = std::get_if<Draining>(&model->state);
    if (draining && !std::holds_alternative<DrainedByPlan>(draining->cause)) {
      list.victims.push_back({0, 1, &row});  // it is leaving anyway, once its leases have ended
      continue;
    }
    const Verdict verdict = may_evict(view_, *model, want);
    if (yes(verdict)) list.victims.push_back({verdict == Verdict::drain ? 2 : 1, value(view_, *model), &row});
  }
  std::ranges::stable_sort(list.victims, {}, [](const Victim& v) { return std::tuple(v.tier, v.value); });
  for (const Victim& victim : list.victims) {
    for (const auto& [device, bytes] : victim.row->bytes) list.sum[device] += bytes;
  }
  return list;
}

std::optional<Plan> make_plan(const View& view, Offers& offers, const Want& want,
                              const std::vector<Candidate>& candidates, const Holds& stronger, const Plan* old) {
  const Offers::List& possible = offers.to(want);
  if (old) {  // what has been begun is finished if it can be
    const auto same = std::ranges::find(candidates, old->placement, &Candidate::placement);
    if (same != candidates.end()) {
      if (auto plan = plan_for(view, want, old->placement, stronger, old, possible)) return plan;
    }
  }
  for (const Candidate& candidate : candidates) {
    if (auto plan = plan_for(view, want, candidate.placement, stronger, old, possible)) return plan;
  }
  return std::nullopt;
}

Bytes coming(const View& view, const Plan& plan, DeviceId device) {
  Bytes sum;
  for (WorkerId id : plan.victims) {
    const Row* row = view.ledger.find(id);
    if (row && still_coming(view, plan, *row)) sum += given_on(view, *row, device);
  }
  return sum;
}

Bytes coming(const View& view, DeviceId device) {
  Bytes sum;
  for (const auto& [id, row] : view.ledger.rows()) {
    if (returning(view, row)) sum += given_on(view, row, device);
  }
  return sum;
}

}  // namespace rouse::core
