#include "service/service.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>
#include <format>
#include <utility>

#include "system/descriptors.hpp"

namespace rouse {
namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{});
constexpr Duration kPatience = std::chrono::seconds(15);  // that we ask for, again and again while answers end
constexpr Duration kLastBytes = std::chrono::seconds(2);  // for clients to take what was written last

std::size_t connections_that_fit() {
  constexpr std::size_t kOwn = 128;      // listeners, workers, files
  constexpr std::size_t kForClient = 2;  // its connection, and one to who answers it
  constexpr std::size_t kLeast = 16;
  const std::size_t all = system::descriptor_limit();
  return std::max(all > kOwn ? (all - kOwn) / kForClient : 0, kLeast);
}

Error misconfigured(const config::Problems& problems) {
  std::string lines;
  for (const config::Problem& problem : problems) lines += to_string(problem) + "\n";
  const std::string first = to_string(problems.front());
  return {Code::misconfigured,
          problems.size() == 1
              ? std::format("the configuration is wrong, and nothing was changed: {}", first)
              : std::format("the configuration has {} mistakes, and nothing was changed; the first: {}",
                            problems.size(), first),
          std::move(lines)};
}

}  // namespace

http::ServerLimits server_limits(const config::Limits& limits) {
  http::ServerLimits server;
  server.head_bytes = static_cast<std::size_t>(limits.header.count);
  server.body_bytes = static_cast<std::size_t>(limits.body.count);
  server.buffered_bytes = static_cast<std::size_t>(limits.buffered.count);
  server.connections = std::min<std::size_t>(limits.connections, connections_that_fit());
  server.connections_per_address =
      limits.connections_per_address > 0 ? limits.connections_per_address : (server.connections * 3 + 3) / 4;
  server.head_time = limits.receive;
  server.body_idle = limits.receive;
  server.write_idle = limits.send;
  server.keep_alive = limits.idle;
  return server;
}

http::PoolLimits pool_limits() {
  http::PoolLimits pool;
  pool.connections = std::min(pool.connections, connections_that_fit());
  return pool;
}

std::vector<std::string> hosts_of(const config::Config& config) {
  std::vector<std::string> hosts = config.hosts;
  hosts.push_back(config.listen.host);
  for (const config::Model& model : config.models) {
    if (model.listen) hosts.push_back(model.listen->host);
  }
  return hosts;
}

system::LogFormat log_format_of(const config::Config& config) {
  return config.log.format == config::LogFormat::json ? system::LogFormat::json : system::LogFormat::text;
}

api::AccessLog access_log_of(const config::Config& config) {
  return config.log.access ? api::AccessLog::on : api::AccessLog::off;
}

Service::Service(Parts parts, config::Config config, ReadConfig read)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      read_(std::move(read)),
      hangups_(parts_.io, SIGHUP),
      ends_(parts_.io, SIGTERM, SIGINT) {}

void Service::begin(std::string where) {
  where_ = std::move(where);
  const std::size_t most = server_limits(config_.limits).connections;
  if (most < config_.limits.connections && config_.limits.connections != config::Limits{}.connections) {
    parts_.log.info("limits.connections is {}; the {} descriptors that we may have (ulimit -Hn) are enough for {}",
                    config_.limits.connections, system::descriptor_limit(), most);
  }
  // They end with io: they wait for signals and times for as long as it runs.
  const auto run = [this](http::Task<void> task) {
    boost::asio::co_spawn(parts_.io.get_executor(), std::move(task), boost::asio::detached);
  };
  run(reload_on_signal());
  run(drain_on_signal());
  if (const auto watchdog = parts_.manager.watchdog()) run(feed_watchdog(*watchdog / 2));
  parts_.manager.ready(status());
}

std::string Service::status() const {
  const std::size_t count = config_.models.size();
  return std::format("serving {} model{} on {}", count, count == 1 ? "" : "s", where_);
}

Result<config::Changes> Service::reload() {
  if (!parts_.daemon.accepting()) return fail(Code::unavailable, "the daemon is shutting down and reloads nothing");
  parts_.manager.reloading();
  auto found = read_anew();
  parts_.manager.ready(found ? status() : std::format("{}; {}", status(), found.error().message));
  return found;
}

Result<config::Changes> Service::read_anew() {
  auto next = read_();
  if (!next) {
    for (const config::Problem& problem : next.error()) parts_.log.error("not reloaded: {}", to_string(problem));
    return std::unexpected(misconfigured(next.error()));
  }
  auto found = apply(std::move(*next));
  if (found) parts_.log.info("reloaded {}: {}", config_.file, to_string(*found));
  return found;
}

void Service::take(config::Config next) {
  if (!parts_.daemon.accepting()) return;
  const auto found = apply(std::move(next));
  if (!found || *found == config::Changes{}) return;
  parts_.log.info("{} has changed: {}", config_.file, to_string(*found));
  parts_.manager.ready(status());
}

Result<config::Changes> Service::apply(config::Config next) {
  config::Changes found = config::changes(config_, next);
  next.listen = config_.listen;  // these stay in force until a restart
  next.admin_socket = config_.admin_socket;
  next.state = config_.state;
  if (const std::string why = config::why_too_open(next); !why.empty()) {
    parts_.log.error("not reloaded: {}", why);
    return std::unexpected(misconfigured({{next.file, 0, 0, why}}));
  }
  if (auto listening = parts_.applications.change(next.models); !listening) {
    parts_.log.error("not reloaded: {}", listening.error().message);
    return std::unexpected(misconfigured({{next.file, 0, 0, listening.error().message}}));
  }
  config_ = std::move(next);
  for (std::string& replaced : parts_.daemon.reload(config_)) {
    if (!std::ranges::contains(found.changed, replaced)) found.changed.push_back(std::move(replaced));
  }
  std::ranges::sort(found.changed);
  parts_.server.change(server_limits(config_.limits));
  parts_.api.admit(hosts_of(config_), config_.keys);
  parts_.api.reconfigure(config_.deadline, access_log_of(config_), parts_.clock.wall());
  parts_.log.use(log_format_of(config_));
  return found;
}

http::Task<void> Service::reload_on_signal() {
  while (true) {
    const auto [error, signal] = co_await hangups_.async_wait(kAwait);
    if (error) co_return;
    (void)reload();  // has said in the log what there is to say
  }
}

// Readiness turns 503, accepting stops, answers end, workers stop. A second signal does not wait.
http::Task<void> Service::drain_on_signal() {
  if (const auto [error, signal] = co_await ends_.async_wait(kAwait); error) co_return;
  const Duration patience = config_.limits.drain;
  parts_.log.info("draining: running answers have {:.0f} s to end", std::chrono::duration<double>(patience).count());
  ends_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (!error) leave_at_once(signal);
  });
  const TimePoint deadline = later(parts_.clock.now(), patience);
  parts_.manager.stopping("draining");
  boost::asio::co_spawn(parts_.io.get_executor(), ask_for_patience(), boost::asio::detached);
  parts_.daemon.begin_shutdown(deadline);
  parts_.server.stop_accepting();
  co_await parts_.daemon.ended();
  co_await parts_.server.drain(later(parts_.clock.now(), kLastBytes));
  parts_.io.stop();
}

// Answers are cut with us; the workers' supervisors end them when we are gone, as after a kill -9.
void Service::leave_at_once(int signal) {
  parts_.log.warning("told twice to end: leaving at once");
  std::_Exit(128 + signal);
}

http::Task<void> Service::ask_for_patience() {
  boost::asio::steady_timer pause(parts_.io);
  while (true) {
    std::uint64_t answers = 0;
    for (const daemon::ModelStatus& model : parts_.daemon.models()) answers += model.leases;
    parts_.manager.still_stopping(kPatience, std::format("draining; answers that are still running: {}", answers));
    pause.expires_after(kPatience / 3);
    co_await pause.async_wait(kAwait);
  }
}

http::Task<void> Service::feed_watchdog(Duration interval) {
  boost::asio::steady_timer pause(parts_.io);
  while (true) {
    if (parts_.healthy()) parts_.manager.alive();
    pause.expires_after(interval);
    co_await pause.async_wait(kAwait);
  }
}

}  // namespace rouse
