// The only place where everything meets: builds the object graph and hands each part what it needs.
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <expected>
#include <format>
#include <optional>
#include <string>
#include <vector>

#include "api/api.hpp"
#include "api/events.hpp"
#include "api/metrics.hpp"
#include "cli/cli.hpp"
#include "config/config.hpp"
#include "config/names.hpp"
#include "daemon/daemon.hpp"
#include "http/context.hpp"
#include "http/server.hpp"
#include "service/applications.hpp"
#include "service/doors.hpp"
#include "service/model_folder.hpp"
#include "service/service.hpp"
#include "service/state_file.hpp"
#include "system/environment.hpp"
#include "system/gpu_meter.hpp"
#include "system/logger.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"
#include "system/service_manager.hpp"

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
  const std::size_t models = config->models.size();
  std::printf("%s is well formed: %zu model%s, listening on %s\n", file.c_str(), models, models == 1 ? "" : "s",
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

// --listen and --log-format are not the file's to change.
config::Config as_told(config::Config config, const cli::ServeOptions& options,
                       const std::optional<config::Address>& listen) {
  if (listen) config.listen = *listen;
  if (!options.log_format.empty())
    config.log.format = options.log_format == "json" ? config::LogFormat::json : config::LogFormat::text;
  return config;
}

int serve(const cli::ServeOptions& options) {
  std::optional<config::Address> listen;
  if (!options.listen.empty()) {
    listen = config::parse_address(options.listen);
    if (!listen) {
      std::fprintf(stderr, "--listen %s: expected an address and a port, like 127.0.0.1:11450\n",
                   options.listen.c_str());
      return kUsage;
    }
  }
  const SystemClock clock;
  system::Logger log(options.verbosity == cli::Verbosity::verbose ? system::Level::debug : system::Level::info,
                     options.log_format == "json" ? system::LogFormat::json : system::LogFormat::text);
  boost::asio::io_context io(http::context_settings());
  std::optional<ModelFolder> folder;
  if (options.config.empty()) folder.emplace(io, clock, log, options.models, daemon::usable);
  const auto read = [&] {
    return (folder ? folder->read() : config::load(options.config, config::process_environment()))
        .transform([&](config::Config config) { return as_told(std::move(config), options, listen); });
  };
  auto loaded = read();
  if (!loaded) return complain(loaded.error());
  config::Config config = std::move(*loaded);
  log.use(log_format_of(config));
  if (const std::string why = config::why_too_open(config); !why.empty()) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return kUsage;
  }

  auto manager = system::ServiceManager::from_environment();
  auto sockets = manager.take_sockets();
  if (!sockets) {
    log.error("{}", sockets.error().message);
    return kFailed;
  }
  auto launcher = system::Launcher::create(io);
  auto runtime = system::RuntimeDir::create(system::RuntimeDir::default_parents());
  for (const Error* error : {launcher ? nullptr : &launcher.error(), runtime ? nullptr : &runtime.error()}) {
    if (!error) continue;
    log.error("{}", error->message);
    return kFailed;
  }
  http::UpstreamPool upstreams(io, pool_limits());
  daemon::Daemon daemon({.io = io,
                         .clock = clock,
                         .log = log,
                         .launcher = **launcher,
                         .runtime = *runtime,
                         .upstreams = upstreams,
                         .driver_library = system::driver_library(system::own_environment()),
                         .state = state_file(config, config::process_environment())},
                        config);
  http::Server server(io, server_limits(config.limits));
  api::Metrics metrics(daemon, server);
  api::Events events(daemon);
  Service* running = nullptr;
  api::Api api({.daemon = daemon,
                .upstreams = upstreams,
                .log = log,
                .clock = clock,
                .metrics = metrics,
                .events = events,
                .reload = [&running] { return running->reload(); },
                .deadline = config.deadline,
                .access_log = access_log_of(config),
                .since = clock.wall(),
                .started = clock.wall()},
               hosts_of(config), config.keys);
  Applications applications(server, api, log);
  const bool passed = !sockets->empty();
  const auto bound = open_doors(server, api, config, std::move(*sockets), log);
  if (!bound) {
    log.error("{}", bound.error().message);
    return bound.error().code == Code::forbidden ? kUsage : kFailed;
  }
  api.admit(hosts_of(config), config.keys);
  if (passed) listen = config.listen;
  if (auto listening = applications.change(config.models); !listening) {
    log.error("{}", listening.error().message);
    return kFailed;
  }
  const std::size_t models = config.models.size();
  Service service({.io = io,
                   .clock = clock,
                   .log = log,
                   .daemon = daemon,
                   .server = server,
                   .api = api,
                   .applications = applications,
                   .manager = manager,
                   .healthy = [&daemon] { return daemon.stuck().empty(); }},
                  std::move(config), read);
  running = &service;
  log.info("rouse serves {} model{} on {}", models, models == 1 ? "" : "s", *bound);
  service.begin(*bound);
  daemon.start_preloads();
  if (folder) folder->watch([&](config::Config found) { service.take(as_told(std::move(found), options, listen)); });
  io.run();
  log.info("stopped");
  return 0;
}

}  // namespace
}  // namespace rouse

int main(int argc, char** argv) { return rouse::cli::run(argc, argv, rouse::serve, rouse::check, rouse::make_key); }
