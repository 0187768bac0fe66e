#include "http/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <utility>

namespace rouse::http {

namespace asio = boost::asio;

// Moves with the read through Asio. If Asio drops it uncalled, the io_context is ending: the waiting coroutine
// goes with it, which would otherwise keep its own stream alive for ever.
struct Stream::ReadHandler {
  StreamPtr stream;

  explicit ReadHandler(Stream* s) : stream(s) {}
  ReadHandler(ReadHandler&&) noexcept = default;
  ReadHandler(const ReadHandler&) = delete;
  ReadHandler& operator=(const ReadHandler&) = delete;
  ~ReadHandler() {
    if (!stream) return;
    stream->watcher_ = nullptr;
    stream->waiter_.drop();
  }
  void operator()(const boost::system::error_code& error, std::size_t received) {
    const StreamPtr keep = std::move(stream);
    keep->on_read(error, received);
  }
};

Stream::Stream(asio::io_context& io, int family, int socket)
    : socket_(io.get_executor(), asio::generic::stream_protocol(family, 0), socket) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  if (family == AF_UNIX) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void Stream::arm(std::span<char> space) {
  armed_ = true;
  socket_.async_read_some(asio::mutable_buffer(space.data(), space.size()), ReadHandler(this));
}

void Stream::on_read(const boost::system::error_code& error, std::size_t received) {
  armed_ = false;
  received_ = error ? 0 : received;
  clean_end_ = error == asio::error::eof;
  if (waiter_) {
    waiter_.call();
  } else if (watcher_ != nullptr) {
    watcher_->on_unawaited_read();
  }
}

std::size_t Stream::take_received() { return std::exchange(received_, 0); }

Written Stream::try_write(std::span<iovec>& pieces) {
  while (!pieces.empty()) {
    if (!open_) return Written::broken;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Written::some : Written::broken;
    }
    auto left = static_cast<std::size_t>(sent);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) break;
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + left;
    pieces.front().iov_len -= left;
    if (left > 0) return Written::some;  // a short write: the socket's buffer is full
  }
  return Written::all;
}

Task<bool> Stream::writable() {
  const StreamPtr keep(this);
  const auto [error] = co_await socket_.async_wait(asio::socket_base::wait_write, asio::as_tuple(asio::deferred));
  co_return !error && open_;
}

void Stream::cancel_waits() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Stream::close() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Stream::shutdown_send() {
  if (open_) ::shutdown(socket_.native_handle(), SHUT_WR);
}

}  // namespace rouse::http
