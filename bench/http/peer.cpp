// Two small servers for the transport's bench: the cheapest upstream there can be, and a relay to it.
//
//   http_peer upstream ADDRESS BODY_BYTES         answers every request with that many bytes
//   http_peer events ADDRESS COUNT                answers with COUNT server-sent events, one chunk and one write each
//   http_peer relay ADDRESS UPSTREAM              passes every request on
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <format>
#include <string>
#include <string_view>
#include <vector>

#include "http/call.hpp"
#include "http/relay.hpp"
#include "http/server.hpp"

namespace {

using namespace rouse;

// The upstream: one epoll loop without any of the code under measurement. Expects well-formed requests with a
// Content-Length or no body.
class Upstream {
 public:
  explicit Upstream(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  int run(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(port);
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 || ::listen(listener, 4096) != 0) {
      std::perror("listen");
      return 1;
    }
    const int epoll = ::epoll_create1(0);
    watch(epoll, listener);
    std::vector<epoll_event> events(256);
    while (true) {
      const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const int socket = events[static_cast<std::size_t>(i)].data.fd;
        if (socket != listener) {
          serve(socket);
          continue;
        }
        const int client = ::accept(listener, nullptr, nullptr);
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, client);
        if (static_cast<std::size_t>(client) >= pending_.size()) pending_.resize(static_cast<std::size_t>(client) + 1);
        pending_[static_cast<std::size_t>(client)].clear();
      }
    }
  }

 private:
  static void watch(int epoll, int socket) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = socket;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  }

  void serve(int socket) {
    std::string& bytes = pending_[static_cast<std::size_t>(socket)];
    static char block[1 << 18];
    const ssize_t received = ::recv(socket, block, sizeof block, 0);
    if (received <= 0) {
      ::close(socket);
      return;
    }
    bytes.append(block, static_cast<std::size_t>(received));
    while (true) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) return;
      std::size_t length = 0;
      constexpr std::string_view kName = "Content-Length: ";
      if (const std::size_t at = bytes.find(kName); at < end) {
        std::from_chars(bytes.data() + at + kName.size(), bytes.data() + end, length);
      }
      if (bytes.size() < end + 4 + length) return;
      bytes.erase(0, end + 4 + length);
      for (const std::string& piece : pieces_) {
        std::string_view left = piece;
        while (!left.empty()) {
          const ssize_t sent = ::send(socket, left.data(), left.size(), MSG_NOSIGNAL);
          if (sent <= 0) return;
          left.remove_prefix(static_cast<std::size_t>(sent));
        }
      }
    }
  }

  std::vector<std::string> pieces_;
  std::vector<std::string> pending_;  // by socket
};

std::vector<std::string> whole_answer(std::size_t bytes) {
  return {std::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", bytes,
                      std::string(bytes, 'x'))};
}

std::vector<std::string> events(std::size_t count) {
  std::vector<std::string> pieces{
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string event =
        std::format("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" token{}\"}}}}]}}\n\n", i);
    pieces.push_back(std::format("{:x}\r\n{}\r\n", event.size(), event));
  }
  pieces.back() += "0\r\n\r\n";
  return pieces;
}

class Relaying final : public http::Handler {
 public:
  Relaying(http::UpstreamPool& pool, http::Address upstream) : pool_(pool), upstream_(std::move(upstream)) {}

  http::Task<void> handle(http::Exchange& exchange) override {
    const auto body = co_await exchange.read_body();
    if (!body) co_return;
    http::Call call(pool_, upstream_, exchange.arrived() + std::chrono::minutes(10));
    const auto head = co_await call.send(
        {.method = exchange.method(), .target = exchange.target(), .fields = exchange.request().fields, .body = *body});
    if (!head) {
      co_await exchange.send(502, {}, head.error().context);
      co_return;
    }
    co_await http::relay(exchange, call, {.extra = "X-Request-Id: 0123456789abcdef\r\n"});
  }

 private:
  http::UpstreamPool& pool_;
  http::Address upstream_;
};

int relay(const http::Address& address, const http::Address& upstream) {
  boost::asio::io_context io(1);
  http::UpstreamPool pool(io);
  Relaying handler(pool, upstream);
  http::Server server(io, {});
  if (const auto bound = server.listen(address, handler); !bound) {
    std::fprintf(stderr, "%s\n", bound.error().message.c_str());
    return 1;
  }
  io.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv, argv + argc);
  if (arguments.size() != 4) {
    std::fprintf(stderr, "usage: http_peer upstream|events|relay ADDRESS BYTES|COUNT|UPSTREAM\n");
    return 2;
  }
  const auto address = http::parse_address(arguments[2]);
  if (!address) {
    std::fprintf(stderr, "%s\n", address.error().message.c_str());
    return 2;
  }
  if (arguments[1] == "relay") {
    const auto upstream = http::parse_address(arguments[3]);
    return upstream ? relay(*address, *upstream) : 2;
  }
  std::size_t number = 0;
  std::from_chars(arguments[3].data(), arguments[3].data() + arguments[3].size(), number);
  return Upstream(arguments[1] == "events" ? events(number) : whole_answer(number)).run(address->port);
}
