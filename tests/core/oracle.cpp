// One step: what is taken note of, what is checked, in which order; and the end.
#include <algorithm>
#include <format>
#include <utility>

#include "oracle.hpp"
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
  rest_failed_now_.clear();
  age_before_.reset();
  returned_now_.clear();
  announced_ = {};
  if (wake_ <= now) wake_ = kNever;  // it has rung, or this event came at the same moment

  apply(event);
  trims_now_ = std::ranges::any_of(effects, [](const Effect& e) { return std::holds_alternative<TrimWorker>(e); }) ||
               std::ranges::any_of(processes_, [](const auto& item) { return item.second.trims_until != kNever; });
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
    if (process.trims_until <= now_) process.trims_until = kNever;
    if (process.ready || process.stopped || process.failed || process.ran_out) continue;
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
  std::erase_if(models_,
                [&](const auto& item) { return is_reservation(item.first) && !view_->models.contains(item.first); });
}

}  // namespace rouse::core::testing
