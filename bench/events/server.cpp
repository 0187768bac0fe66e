// The upstream of the front's bench: the cheapest server of event streams there can be. It answers every request on
// 127.0.0.1:PORT with COUNT server-sent events, one chunk and one write each.
//
//   events_bench PORT COUNT
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <format>
#include <string>
#include <string_view>
#include <vector>

namespace {

// One epoll loop. Expects well-formed requests with a Content-Length or no body.
class EventServer {
 public:
  explicit EventServer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

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

}  // namespace

int main(int argc, char** argv) {
  unsigned port = 0;
  std::size_t count = 0;
  const auto read = [](std::string_view text, auto& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  };
  if (argc != 3 || !read(argv[1], port) || port > 65535 || !read(argv[2], count)) {
    std::fprintf(stderr, "usage: events_bench PORT COUNT\n");
    return 2;
  }
  return EventServer(events(count)).run(static_cast<std::uint16_t>(port));
}
