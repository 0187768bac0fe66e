// The daemon's life from its first signal to its last: reloads on SIGHUP or when asked, drains on SIGTERM or SIGINT,
// and keeps the service manager informed.
//
// Made by main, after everything that it is given and ends before it. Owner thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "base/clock.hpp"
#include "config/changes.hpp"
#include "config/config.hpp"
#include "daemon/daemon.hpp"
#include "http/call.hpp"
#include "http/server.hpp"
#include "service/applications.hpp"
#include "system/logger.hpp"
#include "system/service_manager.hpp"

namespace rouse {

// Reads the configuration that the daemon was started with, anew.
using ReadConfig = std::function<std::expected<config::Config, config::Problems>()>;

// Both within the descriptors that this process may have.
http::ServerLimits server_limits(const config::Limits& limits);
http::PoolLimits pool_limits();
// The names by which clients may address us, besides localhost.
std::vector<std::string> hosts_of(const config::Config& config);
system::LogFormat log_format_of(const config::Config& config);
api::AccessLog access_log_of(const config::Config& config);

class Service {
 public:
  struct Parts {
    boost::asio::io_context& io;
    const Clock& clock;
    system::Logger& log;
    daemon::Daemon& daemon;
    http::Server& server;
    api::Api& api;
    Applications& applications;
    system::ServiceManager& manager;
    // While this is false the manager's watchdog is not fed. That the owner thread gets round to asking is part of the
    // answer.
    std::function<bool()> healthy = [] { return true; };
  };
  // `config` is the one in force. Signals that come from now on are kept for begin().
  Service(Parts parts, config::Config config, ReadConfig read);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // From now on it obeys signals, until io is stopped; the manager hears that we are ready, and where.
  void begin(std::string where);

  // What has changed; a broken configuration changes nothing (misconfigured, its problems as context).
  Result<config::Changes> reload();
  // The same with a configuration that somebody else has read; says nothing where nothing has changed.
  void take(config::Config next);

 private:
  http::Task<void> reload_on_signal();
  http::Task<void> drain_on_signal();
  [[noreturn]] void leave_at_once(int signal);
  http::Task<void> ask_for_patience();  // of the manager, while answers end
  http::Task<void> feed_watchdog(Duration interval);
  Result<config::Changes> read_anew();
  Result<config::Changes> apply(config::Config next);
  std::string status() const;

  Parts parts_;
  config::Config config_;
  ReadConfig read_;
  std::string where_;
  boost::asio::signal_set hangups_;
  boost::asio::signal_set ends_;
};

}  // namespace rouse
