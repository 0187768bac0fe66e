#include "api/fallback.hpp"

#include <algorithm>
#include <format>
#include <utility>

namespace rouse::api {
namespace {

// Backwards, so that the first is taken first.
void append_reversed(std::vector<ModelId>& to, const daemon::Daemon& daemon, const std::vector<std::string>& names) {
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (const auto model = daemon.find(*name)) to.push_back(*model);
  }
}

}  // namespace

bool may_pass_on(core::Reason reason) {
  switch (reason) {
    case core::Reason::queue_full:
    case core::Reason::not_ready:
    case core::Reason::unloading:
    case core::Reason::load_failed:
    case core::Reason::will_not_die:
    case core::Reason::too_large:
    case core::Reason::taken_by_pins: return true;
    case core::Reason::unknown_model:
    case core::Reason::deadline:
    case core::Reason::shutting_down:
    case core::Reason::loading:
    case core::Reason::pinned: return false;
  }
  std::unreachable();
}

Fallback::Fallback(const Parts& parts, ModelId asked, core::Patience patience, TimePoint deadline)
    : parts_(parts), asked_(asked), deadline_(deadline) {
  add_fallbacks_of(asked);
  if (parts.daemon.stage(asked) == core::Stage::ready) return;
  append_reversed(stand_ins_, parts.daemon, parts.daemon.entry(asked).model.fallback_while_loading);
  std::erase_if(stand_ins_, [&](ModelId model) { return !parts.daemon.can_answer_now(model); });
  // Who would rather be refused than wait does not want it loaded.
  if (!stand_ins_.empty() && patience == core::Patience::may_wait) parts.daemon.preload_for_fallback(asked);
}

std::optional<ModelId> Fallback::take(std::vector<ModelId>& from) {
  while (!from.empty()) {
    const ModelId model = from.back();
    from.pop_back();
    const bool is_there = parts_.daemon.find(parts_.daemon.name_of(model)) == model;
    if (is_there && !std::ranges::contains(named_, model)) return named_.emplace_back(model);
  }
  return std::nullopt;
}

std::optional<ModelId> Fallback::next() {
  if (!tried_.empty() && parts_.clock.now() >= deadline_) return std::nullopt;
  as_ = daemon::StandsIn::loading;
  if (const auto stand_in = take(stand_ins_)) return stand_in;
  as_ = daemon::StandsIn::failed;
  if (std::ranges::contains(named_, asked_)) return take(chain_);
  as_.reset();
  return named_.emplace_back(asked_);
}

void Fallback::add_fallbacks_of(ModelId model) {
  append_reversed(chain_, parts_.daemon, parts_.daemon.entry(model).model.fallback);
}

void Fallback::fit(daemon::RequestOptions& options) const {
  if (!as_) return;
  options.in_place_of = daemon::InPlaceOf{asked_, *as_};
  options.keep.reset();
  if (as_ == daemon::StandsIn::loading) options.patience = core::Patience::only_if_ready;
}

void Fallback::failed(Fault why) {
  const ModelId model = named_.back();
  const bool is_in_chain = as_ == daemon::StandsIn::failed;
  tried_.push_back({model, std::move(why)});
  if (is_in_chain && parts_.daemon.find(parts_.daemon.name_of(model)) == model) add_fallbacks_of(model);
}

Fault Fallback::told() {
  const auto of_asked = std::ranges::find(tried_, asked_, &Tried::model);
  Tried first = std::move(of_asked == tried_.end() ? tried_.front() : *of_asked);
  std::string others;
  for (const auto& [model, why] : tried_) {
    if (model == first.model) continue;
    const std::string_view name = parts_.daemon.name_of(model);
    others += std::format("{}{}: {}", others.empty() ? "" : "; ", name, why.error.message);
    if (!why.error.context.empty()) first.why.error.context += std::format("\n{}: {}", name, why.error.context);
  }
  if (!others.empty()) first.why.error.message += std::format(". Its fallbacks failed too: {}", others);
  return std::move(first.why);
}

}  // namespace rouse::api
