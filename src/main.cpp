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
#include "config/names.hpp"
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

int make_key(const cli::KeyOptions& options) {
  if (!config::is_key_name(options.name)) {
    std::fprintf(stderr, "rouse: \"%s\" cannot name a key; expected %s\n", options.name.c_str(),
                 std::string(config::kKeyNameRule).c_str());
    return kUsage;
  }
  const auto key = config::new_key();
  if (!key) {
    std::fprintf(stderr, "rouse: the system has no random bytes to make a key of\n");
    return kFailed;
  }
  std::printf(
      "The key, shown this once, for its holder (ROUSE_API_KEY, or Authorization: Bearer KEY):\n\n  %s\n\n"
      "Its line in the configuration, under keys:\n\n  %s: {hash: \"%s\", role: %s}\n",
      key->c_str(), options.name.c_str(), to_string(config::hash_of(*key)).c_str(), options.role.c_str());
  return 0;
}

http::ServerLimits limits_of(const config::Limits& limits) {
  http::ServerLimits server;
  server.head_bytes = static_cast<std::size_t>(limits.header.count);
  server.body_bytes = static_cast<std::size_t>(limits.body.count);
  server.buffered_bytes = static_cast<std::size_t>(limits.buffered.count);
  server.connections = limits.connections;
  server.head_time = limits.receive;
  server.body_idle = limits.receive;
  server.write_idle = limits.send;
  server.keep_alive = limits.idle;
  return server;
}

// The names by which clients may address us, besides localhost.
std::vector<std::string> hosts_of(const config::Config& config) {
  std::vector<std::string> hosts = config.hosts;
  hosts.push_back(config.listen.host);
  return hosts;
}

// Where the owner's socket stands when the configuration does not say: in the folder of the user's session, if there is
// one.
std::string usual_admin_socket() {
  const auto folder = config::process_environment()("XDG_RUNTIME_DIR");
  return folder && folder->starts_with('/') ? *folder + "/rouse.sock" : "";
}

// False if there is to be a socket and is none. One at the usual place may be another daemon's.
bool listen_for_owner(http::Server& server, api::Api& api, const config::Config& config, system::Logger& log) {
  const std::string path = config.admin_socket.empty() ? usual_admin_socket() : config.admin_socket;
  if (path.empty()) return true;
  const auto bound = server.listen(http::unix_address(path), api.owner_door());
  if (bound) {
    log.info("administrators need no key on unix:{}", path);
    return true;
  }
  const bool wanted = !config.admin_socket.empty();
  log.write(wanted ? system::Level::error : system::Level::warning, "admin socket: " + bound.error().message);
  return !wanted;
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
  if (const std::string why = config::why_too_open(*config); !why.empty()) {
    std::fprintf(stderr, "%s\n", why.c_str());
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
               hosts_of(*config), config->keys);
  http::Server server(io, limits_of(config->limits));
  const auto bound = server.listen(http::tcp_address(config->listen.host, config->listen.port), api);
  if (!bound) {
    log.error("{}", bound.error().message);
    return kFailed;
  }
  if (!listen_for_owner(server, api, *config, log)) return kFailed;
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

int main(int argc, char** argv) { return rouse::cli::run(argc, argv, rouse::serve, rouse::check, rouse::make_key); }
