#include "api/fault.hpp"

#include <algorithm>
#include <chrono>

namespace rouse::api {

using std::chrono::seconds;

const FaultKind& kind(Code code) {
  static constexpr std::string_view kInvalid = "invalid_request_error";
  static constexpr std::string_view kServer = "server_error";
  static constexpr FaultKind kMalformed{400, Retry::never, "malformed", kInvalid, "invalid_request"};
  static constexpr FaultKind kUnauthenticated{401, Retry::never, "unauthenticated", kInvalid, "invalid_api_key"};
  static constexpr FaultKind kForbidden{403, Retry::never, "forbidden", kInvalid, "forbidden"};
  static constexpr FaultKind kUnknownModel{404, Retry::never, "unknown_model", kInvalid, "model_not_found"};
  static constexpr FaultKind kNotFound{404, Retry::never, "not_found", kInvalid, "not_found"};
  static constexpr FaultKind kMethod{405, Retry::never, "method_not_allowed", kInvalid, "method_not_allowed"};
  static constexpr FaultKind kSlow{408, Retry::maybe, "request_timeout", kInvalid, "request_timeout"};
  static constexpr FaultKind kConflict{409, Retry::maybe, "conflict", kInvalid, "conflict"};
  static constexpr FaultKind kCancelled{409, Retry::never, "cancelled", kInvalid, "cancelled"};
  static constexpr FaultKind kTooLarge{413, Retry::never, "too_large", kInvalid, "request_too_large"};
  static constexpr FaultKind kMedia{415, Retry::never, "unsupported_media", kInvalid, "unsupported_media_type"};
  static constexpr FaultKind kMisconfigured{422, Retry::never, "misconfigured", kInvalid, "misconfigured"};
  static constexpr FaultKind kLimit{429, Retry::later, "client_limit", "rate_limit_error", "rate_limit_exceeded"};
  static constexpr FaultKind kInternal{500, Retry::maybe, "internal", kServer, "internal_error"};
  static constexpr FaultKind kLoadFailed{502, Retry::maybe, "load_failed", kServer, "model_load_failed"};
  static constexpr FaultKind kUpstream{502, Retry::maybe, "upstream_failed", kServer, "engine_failed"};
  static constexpr FaultKind kUntrusted{502, Retry::never, "untrusted", kServer, "upstream_untrusted"};
  static constexpr FaultKind kUnavailable{503, Retry::later, "unavailable", kServer, "unavailable"};
  static constexpr FaultKind kDeadline{504, Retry::never, "deadline", kServer, "deadline_exceeded"};
  static constexpr FaultKind kTooBig{507, Retry::never, "too_big_for_ever", kServer, "model_too_large"};
  switch (code) {
    case Code::malformed: return kMalformed;
    case Code::unauthenticated: return kUnauthenticated;
    case Code::forbidden: return kForbidden;
    case Code::unknown_model: return kUnknownModel;
    case Code::not_found: return kNotFound;
    case Code::method_not_allowed: return kMethod;
    case Code::request_timeout: return kSlow;
    case Code::conflict: return kConflict;
    case Code::cancelled: return kCancelled;
    case Code::too_large: return kTooLarge;
    case Code::unsupported_media: return kMedia;
    case Code::client_limit: return kLimit;
    case Code::misconfigured: return kMisconfigured;
    case Code::internal: return kInternal;
    case Code::load_failed: return kLoadFailed;
    case Code::upstream_failed: return kUpstream;
    case Code::untrusted: return kUntrusted;
    case Code::unavailable: return kUnavailable;
    case Code::deadline: return kDeadline;
    case Code::too_big_for_ever: return kTooBig;
  }
  std::unreachable();
}

Fault to_fault(Error error, const core::Refusal& refusal, TimePoint now) {
  Fault fault(std::move(error));
  const auto until = [&](TimePoint time) {
    return time == kNever ? std::nullopt : std::optional(std::max(Duration::zero(), time - now));
  };
  switch (refusal.reason) {
    case core::Reason::unknown_model: fault.param = "model"; break;
    case core::Reason::queue_full:
    case core::Reason::not_ready: fault.retry_after = until(refusal.retry_at).value_or(seconds(1)); break;
    case core::Reason::unloading: fault.retry_after = seconds(1); break;
    case core::Reason::shutting_down: fault.retry_after = seconds(5); break;
    case core::Reason::will_not_die:
    case core::Reason::taken_by_pins:
      fault.retry_after = seconds(30);  // somebody has to do something first
      break;
    case core::Reason::load_failed: fault.retry_after = until(refusal.retry_at); break;
    case core::Reason::deadline:
    case core::Reason::too_large:
    case core::Reason::loading:
    case core::Reason::pinned: break;
  }
  return fault;
}

namespace {
constexpr seconds kLongestWait{60};  // clients' libraries obey no longer one, and try again at once instead
}

std::optional<long> retry_after_seconds(const Fault& fault) {
  if (!fault.retry_after) {
    if (kind(fault.error.code).retry == Retry::later) return 1;
    return std::nullopt;
  }
  const Duration wait = std::min<Duration>(*fault.retry_after, kLongestWait);
  return std::max<long>(1, std::chrono::ceil<seconds>(wait).count());
}

}  // namespace rouse::api
