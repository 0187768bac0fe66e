// What the handlers work with. Owned by main; all of it outlives the Api. Owner thread.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/changes.hpp"
#include "daemon/daemon.hpp"
#include "http/call.hpp"
#include "system/logger.hpp"

namespace rouse::api {

class Events;
class Metrics;

enum class AccessLog : std::uint8_t { off, on };

struct Parts {
  daemon::Daemon& daemon;
  http::UpstreamPool& upstreams;
  system::Logger& log;
  const Clock& clock;
  Metrics& metrics;
  Events& events;

  // Reads the configuration again and makes it the one in force, or says why not.
  std::function<Result<config::Changes>()> reload;

  // A streaming client that waits hears of it after the first time, and then every second one.
  Duration comment_after = std::chrono::seconds(2);
  Duration comment_every = std::chrono::seconds(1);
  // Until the first byte of an answer, for a request that names no deadline of its own.
  Duration deadline = std::chrono::minutes(10);
  AccessLog access_log = AccessLog::off;
  // When the catalogue was read, for clients that want to know when a model was "created".
  std::chrono::system_clock::time_point since{};
  std::chrono::system_clock::time_point started{};
};

}  // namespace rouse::api
