// The core's refusals, in words that say what to do next.
#include <algorithm>
#include <format>

#include "daemon/daemon.hpp"

namespace rouse::daemon {
namespace {

std::string when(TimePoint retry_at, TimePoint now) {
  if (retry_at == kNever) return "later";
  const double seconds = std::chrono::duration<double>(retry_at - now).count();
  return std::format("in {:.1f} s", std::max(0.0, seconds));
}

// The first line, to go on after.
std::string_view clause(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('.')) text.remove_suffix(1);
  return text;
}

std::string named(std::span<const DeviceId> devices) {
  std::string names;
  for (const DeviceId device : devices) names += (names.empty() ? "" : ", ") + device_name(device);
  return names;
}

}  // namespace

Error to_error(const core::Refusal& refusal, std::string_view model, TimePoint now, const Surroundings& around) {
  using enum core::Reason;
  switch (refusal.reason) {
    case unknown_model: return {Code::unknown_model, std::format("model \"{}\" is no longer configured", model), {}};
    case queue_full:
      return {Code::unavailable, std::format("too many requests wait for model \"{}\"; try again later", model), {}};
    case deadline:
      return {
          Code::deadline,
          std::format(
              "the deadline passed while the request waited for model \"{}\"; allow it more time with X-Rouse-Deadline",
              model),
          {}};
    case not_ready:
      return {
          Code::unavailable,
          std::format(
              "model \"{}\" is not loaded, and the request asked for it only if it is (X-Rouse-Load: only-if-ready)",
              model),
          {}};
    case unloading:
      return {Code::unavailable,
              std::format("model \"{}\" is being unloaded by an operator; try again in a moment", model),
              {}};
    case load_failed:
      if (refusal.needed > Bytes{}) {
        return {Code::load_failed,
                std::format("model \"{}\" could not be loaded, its memory ran out: {}; it was tried with {} on {}, of "
                            "which {} are there for models; a footprint in its entry, a smaller context or more free "
                            "memory helps",
                            model, clause(refusal.detail), to_string(refusal.needed), device_name(refusal.device),
                            to_string(refusal.available)),
                refusal.detail};
      }
      return {Code::load_failed,
              std::format("model \"{}\" could not be loaded: {}; it is tried again for a request that comes {}", model,
                          clause(refusal.detail), when(refusal.retry_at, now)),
              refusal.detail};
    case will_not_die:
      return {
          Code::unavailable,
          std::format("model \"{}\" cannot be loaded: its last process cannot be ended; an administrator has to look",
                      model),
          refusal.detail};
    case too_large:
      if (!around.unavailable.empty())
        return {Code::unavailable,
                std::format("model \"{}\" is to be loaded on {}, which cannot be used now: {}", model,
                            device_name(refusal.device), around.unavailable),
                {}};
      if (!std::ranges::contains(around.devices, refusal.device))
        return {Code::too_big_for_ever,
                std::format("model \"{}\" is to be loaded on {}, which this machine does not have; it has {}", model,
                            device_name(refusal.device), named(around.devices)),
                {}};
      return {Code::too_big_for_ever,
              std::format("model \"{}\" needs {} on {}, which can offer {} at most; use a smaller model or context, or "
                          "raise the limit in budgets",
                          model, to_string(refusal.needed), device_name(refusal.device), to_string(refusal.available)),
              {}};
    case taken_by_pins:
      if (is_group(refusal.device)) {
        return {Code::unavailable,
                std::format("model \"{}\" cannot be loaded: group \"{}\" has max_loaded {} and pinned models hold {}; "
                            "unpin one or try again later",
                            model, around.group, around.max_loaded, around.max_loaded == 1 ? "it" : "all of it"),
                {}};
      }
      return {Code::unavailable,
              std::format("model \"{}\" needs {} on {}, of which pinned models leave {}; unpin one or try again later",
                          model, to_string(refusal.needed), device_name(refusal.device), to_string(refusal.available)),
              {}};
    case shutting_down: return {Code::unavailable, "the server is shutting down", {}};
    case loading:
      return {Code::conflict,
              std::format("somebody waits for model \"{}\" to load; unload it with force to refuse them", model),
              {}};
    case pinned:
      return {Code::conflict, std::format("model \"{}\" is pinned; unpin it first or unload it with force", model), {}};
  }
  std::unreachable();
}

}  // namespace rouse::daemon
