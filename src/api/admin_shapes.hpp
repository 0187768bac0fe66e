// The JSON of our own routes: what goes out, and the small bodies that come in. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/fault.hpp"
#include "base/result.hpp"
#include "config/changes.hpp"
#include "daemon/daemon.hpp"
#include "daemon/status.hpp"

namespace rouse::api {

std::string admin_error(const Fault& fault);

// {"models":[…]}, {"devices":[…]}, {"devices":[…],"groups":[…]} and {"requests":[…]}, one of a kind, and the receipt of
// an unload. Every field is always there.
std::string admin_json_of(const std::vector<daemon::ModelStatus>& models);
std::string admin_json_of(const daemon::ModelStatus& model);
std::string admin_json_of(const std::vector<daemon::DeviceStatus>& devices);
std::string admin_json_of(const std::vector<daemon::DeviceStatus>& devices,
                          const std::vector<daemon::GroupStatus>& groups);
std::string admin_json_of(const daemon::DeviceStatus& device);
std::string admin_json_of(const std::vector<daemon::RequestStatus>& requests);
std::string admin_json_of(const daemon::RequestStatus& request);
std::string admin_json_of(const daemon::Receipt& receipt);
// `started`: the daemon, so that a holder can tell that it has been restarted, and has forgotten.
std::string admin_json_of(const std::vector<daemon::ReservationStatus>& reservations, daemon::WallTime started);
std::string admin_json_of(const daemon::ReservationStatus& reservation);
std::string admin_json_of(const config::Changes& changes);

// {"status":"ok","stuck":[]}, or "stuck" and what is.
std::string health_json(std::span<const std::string> stuck);

// To the microsecond: more digits say nothing.
double milliseconds(Duration duration);

// "2026-11-21T02:12:00.123Z": RFC 3339, UTC, to the millisecond.
std::string rfc3339(daemon::WallTime time);

}  // namespace rouse::api
