// The core's refusals, in words that say what to do next.
#include <format>

#include "daemon/daemon.hpp"

namespace rouse::daemon {
namespace {

std::string when(TimePoint retry_at, TimePoint now) {
  if (retry_at == kNever) return "later";
  const double seconds = std::chrono::duration<double>(retry_at - now).count();
  return std::format("in {:.1f} s", std::max(0.0, seconds));
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

Error to_error(const core::Refusal& refusal, std::string_view model, TimePoint now) {
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
      return {Code::load_failed,
              std::format("model \"{}\" could not be loaded: {}; it is tried again for a request that comes {}", model,
                          first_line(refusal.detail), when(refusal.retry_at, now)),
              refusal.detail};
    case will_not_die:
      return {
          Code::unavailable,
          std::format("model \"{}\" cannot be loaded: its last process cannot be ended; an administrator has to look",
                      model),
          refusal.detail};
    case too_large:
      return {Code::too_big_for_ever,
              std::format("model \"{}\" needs {} on {}, which can offer {} at most; use a smaller model or context, or "
                          "raise the limit in budgets",
                          model, to_string(refusal.needed), device_name(refusal.device), to_string(refusal.available)),
              {}};
    case taken_by_pins:
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
