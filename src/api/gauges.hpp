// What is true at the moment of a scrape, as metrics: models, devices, connections, and the gauges by which routers
// choose a node. Pure. Include it in .cpp files alone.
#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/status.hpp"
#include "http/server.hpp"

namespace rouse::api {

using Families = std::vector<prometheus::MetricFamily>;

void append_gauges(Families& families, std::span<const daemon::ModelStatus> models);
void append_gauges(Families& families, std::span<const daemon::DeviceStatus> devices);
void append_build(Families& families, std::string_view version);
void append_counts(Families& families, const http::Server::Counts& counts);

// In the names of vLLM, which routers know: requests that wait and run, how full the memory is, and the models that are
// resident as if they were adapters, aliases included, since a router compares them with what the client asks for.
void append_router_gauges(Families& families, std::span<const daemon::ModelStatus> models,
                          std::span<const daemon::DeviceStatus> devices, std::chrono::system_clock::time_point now);

}  // namespace rouse::api
