// The daemon's life from its first signal to its last: reloads on SIGHUP or when asked, drains on SIGTERM or SIGINT.
//
// Made by main, after everything that it is given and ends before it. Owner thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "base/clock.hpp"
#include "config/changes.hpp"
#include "config/config.hpp"
#include "daemon/daemon.hpp"
#include "http/server.hpp"
#include "system/logger.hpp"

namespace rouse {

// Reads the configuration that the daemon was started with, anew.
using ReadConfig = std::function<std::expected<config::Config, config::Problems>()>;

http::ServerLimits server_limits(const config::Limits& limits);
// The names by which clients may address us, besides localhost.
std::vector<std::string> hosts_of(const config::Config& config);

class Service {
 public:
  struct Parts {
    boost::asio::io_context& io;
    const Clock& clock;
    system::Logger& log;
    daemon::Daemon& daemon;
    http::Server& server;
    api::Api& api;
  };
  // `config` is the one in force.
  Service(Parts parts, config::Config config, ReadConfig read);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Obeys signals from now on, until io is stopped.
  void obey_signals();

  // What has changed; a broken configuration changes nothing (misconfigured, its problems as context).
  Result<config::Changes> reload();

 private:
  http::Task<void> reload_on_signal();
  http::Task<void> drain_on_signal();

  Parts parts_;
  config::Config config_;
  ReadConfig read_;
};

}  // namespace rouse
