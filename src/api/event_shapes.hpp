// The JSON of events, and their frames. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/effects.hpp"
#include "daemon/observer.hpp"
#include "daemon/status.hpp"

namespace rouse::api {

// One server-sent event. `json` holds no line end.
std::string event_frame(std::uint64_t id, std::string_view name, std::string_view json);

// `error`: of a failed one.
std::string event_json_of(const core::Announce& transition, std::string_view model, std::string_view error,
                          daemon::WallTime at);
// `asked`: the model that the client named, where another stands in for it.
std::string event_json_of(const daemon::RequestNews& news, std::string_view model, std::string_view asked,
                          daemon::WallTime at);
// A worker has ended: what came back, or did not.
std::string receipt_event_json(const daemon::Receipt& receipt, std::string_view model, WorkerId worker,
                               daemon::WallTime at);
// A remote model's circuit was opened or closed.
std::string circuit_event_json(const daemon::ModelStatus& model, daemon::WallTime at);
std::string progress_event_json(const daemon::ModelStatus& model, daemon::WallTime at);
std::string snapshot_event_json(const std::vector<daemon::ModelStatus>& models,
                                const std::vector<daemon::DeviceStatus>& devices, daemon::WallTime at);
std::string event_json_of(const daemon::DeviceStatus& device, daemon::WallTime at);
std::string event_json_of(const daemon::ReservationStatus& reservation, daemon::ReservationStep step,
                          daemon::WallTime at);
std::string config_event_json(const std::vector<daemon::ModelStatus>& models, daemon::WallTime at);

// Whether the difference is worth an event: what models hold, or a hundredth of what others do.
bool differs(const daemon::DeviceStatus& before, const daemon::DeviceStatus& now);

}  // namespace rouse::api
