#include "http/connect.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <format>
#include <string>
#include <vector>

namespace rouse::http {

namespace asio = boost::asio;

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

template <class Concrete>
SocketAddress socket_address(const Concrete& concrete) {
  SocketAddress result;
  static_assert(sizeof concrete <= sizeof result.storage);
  std::memcpy(&result.storage, &concrete, sizeof concrete);
  result.size = sizeof concrete;
  return result;
}

SocketAddress unix_socket_address(const std::string& path) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  path.copy(local.sun_path, sizeof local.sun_path - 1);
  return socket_address(local);
}

std::vector<SocketAddress> numeric_addresses(const Address& address) {
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    return {socket_address(v4)};
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    return {socket_address(v6)};
  }
  return {};
}

// Ends what is under way when the time is up.
template <class End>
class Until final : public Deadlines::Entry {
 public:
  Until(Deadlines& deadlines, TimePoint at, End end) : end_(std::move(end)) { deadlines.set(*this, at); }
  void on_deadline() override {
    passed_ = true;
    end_();
  }
  bool passed() const { return passed_; }

 private:
  End end_;
  bool passed_ = false;
};

Result<StreamPtr> unreachable(const Address& address, std::string_view why) {
  return fail(Code::upstream_failed, "the engine cannot be reached", std::format("{}: {}", to_string(address), why));
}

Task<Result<std::vector<SocketAddress>>> resolve(asio::io_context& io, Deadlines& deadlines, Address address,
                                                 TimePoint until) {
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(io.get_executor());
  const Until guard(deadlines, until, [&] { resolver.cancel(); });
  const auto [error, found] =
      co_await resolver.async_resolve(address.host, std::to_string(address.port), asio::as_tuple(asio::deferred));
  if (error) {
    co_return fail(Code::upstream_failed, "the upstream's name cannot be resolved",
                   std::format("{}: {}", to_string(address), error.message()));
  }
  std::vector<SocketAddress> addresses;
  for (const auto& entry : found) {
    SocketAddress& added = addresses.emplace_back();
    std::memcpy(&added.storage, entry.endpoint().data(), entry.endpoint().size());
    added.size = static_cast<socklen_t>(entry.endpoint().size());
  }
  co_return addresses;
}

// A Unix socket whose queue is full refuses with EAGAIN and says nothing when there is room again: ask again.
Task<int> connect_when_room(asio::io_context& io, int socket, const SocketAddress& to, TimePoint until) {
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer(
      io.get_executor());
  auto pause = std::chrono::milliseconds(1);
  while (true) {
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to.storage), to.size) == 0) co_return 0;
    if (errno != EAGAIN || to.storage.ss_family != AF_UNIX) co_return errno;
    if (std::chrono::steady_clock::now() + pause >= until) co_return ETIMEDOUT;
    timer.expires_after(pause);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
    if (error) co_return ECANCELED;
    pause = std::min(pause * 2, std::chrono::milliseconds(16));
  }
}

Task<Result<StreamPtr>> encrypted(Deadlines& deadlines, TlsTrust& trust, Address address, StreamPtr stream,
                                  TimePoint until) {
  auto session = trust.begin(address);
  if (!session) co_return std::unexpected(std::move(session.error()));
  const Until guard(deadlines, until, [&] { stream->close(); });
  const auto done = co_await stream->encrypt(std::move(*session));
  if (guard.passed()) co_return unreachable(address, "no TLS handshake within the time");
  if (!done) co_return std::unexpected(done.error());
  co_return stream;
}

}  // namespace

Task<Result<StreamPtr>> connect(asio::io_context& io, Deadlines& deadlines, TlsTrust& trust, Address address,
                                TimePoint until, bool* nobody_listens) {
  std::vector<SocketAddress> addresses;
  if (address.is_unix()) {
    addresses.push_back(unix_socket_address(address.path));
  } else {
    addresses = numeric_addresses(address);
    if (addresses.empty()) {
      auto found = co_await resolve(io, deadlines, address, until);
      if (!found) co_return std::unexpected(std::move(found.error()));
      addresses = std::move(*found);
    }
  }

  std::string why = "no address";
  for (const SocketAddress& to : addresses) {
    const int family = to.storage.ss_family;
    const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) {
      *nobody_listens = false;
      why = std::strerror(errno);
      if (errno == EAFNOSUPPORT) continue;
      co_return fail(Code::unavailable, "too many connections at once; try again", why);
    }
    const StreamPtr stream(new Stream(io, family, socket));
    int error = co_await connect_when_room(io, socket, to, until);
    if (error == EINPROGRESS) {
      const Until guard(deadlines, until, [&] { stream->close(); });
      const bool woken = co_await stream->writable();
      socklen_t size = sizeof error;
      if (guard.passed()) {
        error = ETIMEDOUT;
      } else if (!woken) {
        error = ECANCELED;
      } else if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
    }
    if (error == 0) {
      if (!address.tls) co_return stream;
      co_return co_await encrypted(deadlines, trust, address, stream, until);
    }
    stream->close();
    *nobody_listens = error == ECONNREFUSED || error == ENOENT;
    why = std::strerror(error);
    if (error == ECANCELED) break;
  }
  co_return unreachable(address, why);
}

}  // namespace rouse::http
