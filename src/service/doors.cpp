#include "service/doors.hpp"

#include <algorithm>
#include <format>

namespace rouse {
namespace {

constexpr std::string_view kOwners = "admin";  // FileDescriptorName= of a passed socket

std::string url_of(const http::Address& address) { return (address.is_unix() ? "" : "http://") + to_string(address); }

Result<void> check(const config::Config& config) {
  const std::string why = config::why_too_open(config);
  if (why.empty()) return {};
  return fail(Code::forbidden, why);
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

Result<std::string> open_passed(http::Server& server, api::Api& api, config::Config& config,
                                std::vector<system::PassedSocket>& passed) {
  std::string all;
  for (system::PassedSocket& door : passed) {
    http::Handler& handler = door.name == kOwners ? api.owner_door() : api;
    const auto bound = server.adopt(door.socket.release(), handler);
    if (!bound) return std::unexpected(bound.error());
    if (!bound->is_unix()) {
      if (door.name == kOwners)
        return fail(Code::forbidden, std::format("{}: the admin socket has to be a Unix socket", to_string(*bound)));
      // The most open one is what the configuration is held against.
      if (config::is_loopback(config.listen) || all.empty()) config.listen = {bound->host, bound->port};
      if (auto closed = check(config); !closed) return std::unexpected(std::move(closed.error()));
    }
    all += (all.empty() ? "" : ", ") + url_of(*bound);
  }
  return all;
}

}  // namespace

Result<std::string> open_doors(http::Server& server, api::Api& api, config::Config& config,
                               std::vector<system::PassedSocket> passed, system::Logger& log) {
  const bool owners_passed = std::ranges::contains(passed, kOwners, &system::PassedSocket::name);
  Result<std::string> doors;
  if (passed.empty()) {
    const auto bound = server.listen(http::tcp_address(config.listen.host, config.listen.port), api);
    if (!bound && bound.error().code == Code::conflict)
      return fail(Code::conflict, bound.error().message + "; name another one with --listen HOST:PORT or in the file");
    if (!bound) return std::unexpected(bound.error());
    doors = url_of(*bound);
  } else {
    doors = open_passed(server, api, config, passed);
  }
  if (doors && !owners_passed && !listen_for_owner(server, api, config, log))
    return fail(Code::unavailable, "the admin socket of the configuration cannot be listened on");
  return doors;
}

}  // namespace rouse
