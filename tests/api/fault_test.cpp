#include "api/fault.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

struct Expected {
  Code code;
  int status;
  Retry retry;
};
constexpr std::array kExpected{
    Expected{Code::malformed, 400, Retry::never},       Expected{Code::unauthenticated, 401, Retry::never},
    Expected{Code::forbidden, 403, Retry::never},       Expected{Code::unknown_model, 404, Retry::never},
    Expected{Code::not_found, 404, Retry::never},       Expected{Code::method_not_allowed, 405, Retry::never},
    Expected{Code::request_timeout, 408, Retry::maybe}, Expected{Code::conflict, 409, Retry::maybe},
    Expected{Code::too_large, 413, Retry::never},       Expected{Code::unsupported_media, 415, Retry::never},
    Expected{Code::client_limit, 429, Retry::later},    Expected{Code::cancelled, 409, Retry::never},
    Expected{Code::misconfigured, 422, Retry::never},   Expected{Code::internal, 500, Retry::maybe},
    Expected{Code::load_failed, 502, Retry::maybe},     Expected{Code::upstream_failed, 502, Retry::maybe},
    Expected{Code::untrusted, 502, Retry::never},       Expected{Code::unavailable, 503, Retry::later},
    Expected{Code::deadline, 504, Retry::never},        Expected{Code::too_big_for_ever, 507, Retry::never},
};
static_assert(kExpected.size() == static_cast<std::size_t>(Code::too_big_for_ever) + 1, "a new Code needs a row here");

TEST_CASE("every code has its status, its advice and a name of its own") {
  std::set<std::string_view> names;
  for (const Expected& expected : kExpected) {
    const FaultKind& row = kind(expected.code);
    CAPTURE(row.name);
    CHECK(row.status == expected.status);
    CHECK(row.retry == expected.retry);
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.openai_code.empty());
    CHECK((row.openai_type == "server_error") == (row.status >= 500));
  }
}

TEST_CASE("what may be tried later says when") {
  CHECK(retry_after_seconds(Fault({Code::unavailable, "", ""})) == 1);
  CHECK(retry_after_seconds(Fault({Code::client_limit, "", ""})) == 1);
  CHECK_FALSE(retry_after_seconds(Fault({Code::malformed, "", ""})));
  CHECK_FALSE(retry_after_seconds(Fault({Code::load_failed, "", ""})));
  CHECK_FALSE(retry_after_seconds(Fault({Code::too_big_for_ever, "", ""})));
}

std::optional<long> seconds_for(core::Reason reason, Code code, TimePoint retry_at = kNever) {
  const TimePoint now{1000s};
  const core::Refusal refusal{.reason = reason, .retry_at = retry_at};
  return retry_after_seconds(to_fault(Error{code, "", ""}, refusal, now));
}

TEST_CASE("every refusal of the core says when it may end") {
  using enum core::Reason;
  CHECK(seconds_for(queue_full, Code::unavailable) == 1);
  CHECK(seconds_for(not_ready, Code::unavailable) == 1);
  CHECK(seconds_for(unloading, Code::unavailable) == 1);
  CHECK(seconds_for(shutting_down, Code::unavailable) == 5);
  CHECK(seconds_for(will_not_die, Code::unavailable) == 30);
  CHECK(seconds_for(taken_by_pins, Code::unavailable) == 30);
  CHECK_FALSE(seconds_for(unknown_model, Code::unknown_model));
  CHECK_FALSE(seconds_for(deadline, Code::deadline));
  CHECK_FALSE(seconds_for(too_large, Code::too_big_for_ever));
  CHECK_FALSE(seconds_for(loading, Code::conflict));
  CHECK_FALSE(seconds_for(pinned, Code::conflict));
}

TEST_CASE("after a failed load the client is told when it is tried again") {
  CHECK(seconds_for(core::Reason::load_failed, Code::load_failed, TimePoint{1007100ms}) == 8);
  CHECK(seconds_for(core::Reason::load_failed, Code::load_failed, TimePoint{999s}) == 1);
  CHECK_FALSE(seconds_for(core::Reason::load_failed, Code::load_failed));
}

TEST_CASE("where it was measured when trying again is of use, the client is told that") {
  using enum core::Reason;
  for (const core::Reason reason : {queue_full, not_ready}) {
    CHECK(seconds_for(reason, Code::unavailable, TimePoint{1007100ms}) == 8);
    CHECK(seconds_for(reason, Code::unavailable, TimePoint{999s}) == 1);
    CHECK(seconds_for(reason, Code::unavailable, TimePoint{9999s}) == 60);
  }
}

TEST_CASE("an unknown model is the fault of the field model") {
  CHECK(to_fault(Error{Code::unknown_model, "", ""}, {.reason = core::Reason::unknown_model}, TimePoint{}).param ==
        "model");
}

}  // namespace
}  // namespace rouse::api
