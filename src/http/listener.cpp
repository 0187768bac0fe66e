// Listening sockets: made, taken over, accepted from, closed.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <format>
#include <utility>

#include "http/server_core.hpp"

namespace rouse::http {

namespace asio = boost::asio;

namespace {

constexpr int kBacklog = 4096;

// A socket that is closed unless it is passed on.
class OwnedSocket {
 public:
  explicit OwnedSocket(int socket) : socket_(socket) {}
  OwnedSocket(OwnedSocket&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&&) = delete;
  ~OwnedSocket() {
    if (socket_ >= 0) ::close(socket_);
  }
  int get() const { return socket_; }
  int release() { return std::exchange(socket_, -1); }

 private:
  int socket_;
};

std::unexpected<Error> cannot_listen(const Address& address, int error) {
  return fail(error == EADDRINUSE ? Code::conflict : Code::unavailable,
              std::format("cannot listen on {}: {}", to_string(address), std::strerror(error)));
}

Result<OwnedSocket> listen_unix(const Address& address) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof local.sun_path) return cannot_listen(address, ENAMETOOLONG);
  address.path.copy(local.sun_path, address.path.size());
  const auto* name = reinterpret_cast<const sockaddr*>(&local);

  OwnedSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return cannot_listen(address, errno);
  struct stat found{};
  if (::lstat(address.path.c_str(), &found) == 0) {
    // Left behind by a server that is gone? One that answers is alive, and keeps its place.
    if (!S_ISSOCK(found.st_mode)) return cannot_listen(address, EEXIST);
    const OwnedSocket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), name, sizeof local) == 0 || errno == EAGAIN) return cannot_listen(address, EADDRINUSE);
    ::unlink(address.path.c_str());
  }
  if (::bind(socket.get(), name, sizeof local) != 0) return cannot_listen(address, errno);
  // Before listen(), so that nobody gets in meanwhile.
  if (::chmod(address.path.c_str(), 0600) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(address.path.c_str());
    return cannot_listen(address, error);
  }
  return socket;
}

Result<OwnedSocket> listen_tcp(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(Code::malformed, std::format("cannot listen on {}: {}", to_string(address), ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);

  OwnedSocket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return cannot_listen(address, errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) return cannot_listen(address, errno);
  if (::listen(socket.get(), kBacklog) != 0) return cannot_listen(address, errno);
  return socket;
}

// The address as numbers, for people and for comparisons.
Address address_of(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return tcp_address(text, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return tcp_address(text, ntohs(v6.sin6_port));
  }
  return unix_address(reinterpret_cast<const sockaddr_un&>(storage).sun_path);
}

// Nothing for a Unix socket: its clients are of this machine.
std::optional<Network> network_of(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) return ntohl(reinterpret_cast<const sockaddr_in&>(from).sin_addr.s_addr);
  if (from.ss_family != AF_INET6) return std::nullopt;
  Network network = 0;
  std::memcpy(&network, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, sizeof network);
  return ~network;  // not to be mistaken for an IPv4 address
}

}  // namespace

void Listener::close() {
  if (!descriptor.is_open()) return;
  if (unlink_path) ::unlink(bound.path.c_str());
  boost::system::error_code ignored;
  descriptor.close(ignored);
}

Result<Address> ServerCore::listen(const Address& address, Handler& handler) {
  auto socket = address.is_unix() ? listen_unix(address) : listen_tcp(address);
  if (!socket) return std::unexpected(socket.error());
  return adopt(socket->release(), handler, address.is_unix());
}

Result<Address> ServerCore::adopt(int socket, Handler& handler, bool made) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound - 1;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return fail(Code::internal, std::format("no socket to listen on: {}", std::strerror(errno)));
  }
  // Owners: see Listener.
  const auto listener = std::make_shared<Listener>(io, socket, handler, address_of(bound), made);
  listener->descriptor.non_blocking(true);
  listeners_.push_back(listener);
  asio::co_spawn(io.get_executor(), accept_loop(shared_from_this(), listener), asio::detached);
  return listener->bound;
}

void ServerCore::stop_listening(const Address& bound) {
  std::erase_if(listeners_, [&](const auto& listener) {
    if (listener->bound != bound) return false;
    listener->close();
    for_each_connection([&](Connection& connection) { connection.retire(listener->handler); });
    return true;
  });
}

void ServerCore::stop_listening() {
  for (const auto& listener : listeners_) listener->close();
  listeners_.clear();
}

Task<void> ServerCore::accept_loop(std::shared_ptr<ServerCore> core, std::shared_ptr<Listener> listener) {
  constexpr int kAtOnce = 64;  // before others have their turn
  while (listener->descriptor.is_open()) {
    const auto [waited] = co_await listener->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                                                   asio::as_tuple(asio::deferred));
    if (waited) co_return;
    for (int i = 0; i < kAtOnce && listener->descriptor.is_open(); ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int socket = ::accept4(listener->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        core->accept(*listener, socket, from);
        continue;
      }
      if (errno == EAGAIN) break;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) continue;  // that client's affair
      Timer pause(core->io.get_executor());  // out of descriptors: some will be closed soon
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::as_tuple(asio::deferred));
      break;
    }
  }
}

Connection* ServerCore::oldest_idle(std::optional<Network> of) {
  const auto fits = [&](const Connection& connection) { return !of || connection.network() == of; };
  const auto at = std::ranges::find_if(idle_, fits);
  return at == idle_.end() ? nullptr : &*at;
}

void ServerCore::accept(Listener& listener, int socket, const sockaddr_storage& from) {
  const StreamPtr stream(new Stream(io, from.ss_family, socket));
  const auto network = network_of(from);
  const auto others = network ? by_network_.find(*network) : by_network_.end();
  const bool greedy = others != by_network_.end() && others->second >= limits.connections_per_address;
  if (greedy || counts.connections >= limits.connections) {
    // Whoever has been without a whole request for longest makes room; if nobody is, the newcomer is told so.
    Connection* const oldest = oldest_idle(greedy ? network : std::nullopt);
    if (oldest == nullptr) {
      ++counts.refused_connections;
      constexpr std::string_view kFull =
          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      iovec piece{const_cast<char*>(kFull.data()), kFull.size()};
      std::span<iovec> pieces(&piece, 1);
      stream->try_write(pieces);
      stream->close();
      return;
    }
    oldest->make_room();
  }
  ++counts.accepted;
  std::string peer = from.ss_family == AF_UNIX ? "unix" : address_of(from).host;
  auto connection =
      std::make_unique<Connection>(shared_from_this(), listener.handler, stream, std::move(peer), network);
  Connection& joined = *connection;
  asio::co_spawn(io.get_executor(), joined.serve(),
                 asio::bind_cancellation_slot(joined.cancellation_slot(),
                                              [owned = std::move(connection)](const std::exception_ptr&) {}));
}

}  // namespace rouse::http
