// The only place where everything meets: builds the object graph and hands each part what it needs.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <expected>
#include <format>
#include <string>

#include "api/api.hpp"
#include "cli/cli.hpp"
#include "config/config.hpp"
#include "daemon/daemon.hpp"
#include "http/server.hpp"
#include "system/logger.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"

namespace rouse {
namespace {

constexpr int kFailed = cli::code(cli::Exit::failed);
constexpr int kUsage = cli::code(cli::Exit::usage);

int complain(const config::Problems& problems) {
  for (const config::Problem& problem : problems) std::fprintf(stderr, "%s\n", to_string(problem).c_str());
  return kUsage;
}

int check(const std::string& file) {
  const auto config = config::load(file, config::process_environment());
  if (!config) return complain(config.error());
  for (const config::Problem& missing : config::missing_files(*config))
    std::fprintf(stderr, "warning: %s\n", to_string(missing).c_str());
  std::printf("%s is well formed: %zu models, listening on %s\n", file.c_str(), config->models.size(),
              to_string(config->listen).c_str());
  return 0;
}

http::ServerLimits limits_of(const config::Limits& limits) {
  http::ServerLimits server;
  server.head_bytes = static_cast<std::size_t>(limits.header.count);
  server.body_bytes = static_cast<std::size_t>(limits.body.count);
  server.connections = limits.connections;
  server.head_time = limits.receive;
  server.body_idle = limits.receive;
  server.write_idle = limits.send;
  server.keep_alive = limits.idle;
  return server;
}

// On SIGTERM or SIGINT: readiness turns 503, accepting stops, answers end, workers stop. A second signal does not wait.
http::Task<void> drain_on_signal(boost::asio::io_context& io, daemon::Daemon& daemon, http::Server& server,
                                 system::Logger& log, const Clock& clock, Duration patience) {
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  co_await signals.async_wait(boost::asio::use_awaitable_t<http::Executor>{});
  log.info("draining: running answers have {:.0f} s to end", std::chrono::duration<double>(patience).count());
  const TimePoint deadline = later(clock.now(), patience);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) io.stop();
  });
  co_await daemon.shutdown(deadline);
  co_await server.drain(deadline);
  io.stop();
}

int serve(const cli::ServeOptions& options) {
  auto config = options.config.empty() ? config::scan_models(options.models)
                                       : config::load(options.config, config::process_environment());
  if (!config) return complain(config.error());
  if (!options.listen.empty()) {
    const auto address = config::parse_address(options.listen);
    if (!address) {
      std::fprintf(stderr, "--listen %s: expected an address and a port, like 127.0.0.1:11450\n",
                   options.listen.c_str());
      return kUsage;
    }
    config->listen = *address;
  }
  if (!config::is_loopback(config->listen)) {
    std::fprintf(stderr,
                 "listen: %s is not a loopback address, and anybody who reaches it could use and unload the models; "
                 "listen on 127.0.0.1 and put an authenticating proxy in front\n",
                 to_string(config->listen).c_str());
    return kUsage;
  }

  const SystemClock clock;
  system::Logger log(options.verbosity == cli::Verbosity::verbose ? system::Level::debug : system::Level::info);
  boost::asio::io_context io(1);
  auto launcher = system::Launcher::create(io);
  auto runtime = system::RuntimeDir::create(system::RuntimeDir::default_parents());
  for (const Error* error : {launcher ? nullptr : &launcher.error(), runtime ? nullptr : &runtime.error()}) {
    if (!error) continue;
    log.error("{}", error->message);
    return kFailed;
  }
  http::UpstreamPool upstreams(io);
  daemon::Daemon daemon(
      {.io = io, .clock = clock, .log = log, .launcher = **launcher, .runtime = *runtime, .upstreams = upstreams},
      *config);
  api::Api api({.daemon = daemon,
                .upstreams = upstreams,
                .log = log,
                .clock = clock,
                .deadline = config->deadline,
                .since = clock.wall()},
               {config->listen.host});
  http::Server server(io, limits_of(config->limits));
  const auto bound = server.listen(http::tcp_address(config->listen.host, config->listen.port), api);
  if (!bound) {
    log.error("{}", bound.error().message);
    return kFailed;
  }
  boost::asio::co_spawn(io.get_executor(), drain_on_signal(io, daemon, server, log, clock, config->limits.drain),
                        boost::asio::detached);
  log.info("rouse serves {} models on http://{}", config->models.size(), to_string(*bound));
  daemon.start_preloads();
  io.run();
  log.info("stopped");
  return 0;
}

}  // namespace
}  // namespace rouse

int main(int argc, char** argv) { return rouse::cli::run(argc, argv, rouse::serve, rouse::check); }
