#include "http/stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/tls.hpp"
#include "http/turns.hpp"

namespace rouse::http {

namespace asio = boost::asio;

namespace {

// A head and a small body are quicker copied into one piece than sent as two: sendmsg(2) costs what a kilobyte's copy
// does several times over.
ssize_t send_now(int socket, std::span<iovec> pieces) {
  std::array<char, 1024> whole;
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    if (piece.iov_len > whole.size() - size) {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      return ::sendmsg(socket, &message, MSG_NOSIGNAL);
    }
    std::memcpy(whole.data() + size, piece.iov_base, piece.iov_len);
    size += piece.iov_len;
  }
  return ::send(socket, whole.data(), size, MSG_NOSIGNAL);
}

}  // namespace

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
    : socket_(io.get_executor(), asio::generic::stream_protocol(family, 0), socket),
      turns_(asio::use_service<Turns>(io)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  if (family == AF_UNIX) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Stream::~Stream() = default;

void Stream::start(std::span<char> space, Asks asks) {
  armed_ = true;
  arrived_ = false;
  if (!tls_) return read(space, asks);
  space_ = space;
  read_encrypted(asks);
}

// Asio tries to read before it waits, unless the last read has emptied the socket (`context.hpp`). An end may have come
// with that, for which there is no other arrival.
void Stream::read(std::span<char> space, Asks asks) {
  room_ = space.size();
  unsure_ = emptied_;
  if (emptied_ && asks == Asks::now) {
    unsure_ = false;
    const ssize_t received = ::recv(socket_.native_handle(), space.data(), space.size(), 0);
    const boost::system::error_code error = received < 0
                                                ? boost::system::error_code(errno, asio::error::get_system_category())
                                            : received == 0 ? asio::error::eof
                                                            : boost::system::error_code();
    if (error != asio::error::would_block && error != asio::error::interrupted) {
      over_ = error.failed();
      asio::post(socket_.get_executor(), [handler = ReadHandler(this), error, received]() mutable {
        handler(error, error ? 0 : static_cast<std::size_t>(received));
      });
      return;
    }
  }
  socket_.async_read_some(asio::mutable_buffer(space.data(), space.size()), ReadHandler(this));
}

bool Stream::look() {
  if (over_ || !open_) return false;
  if (!armed_) {  // there may be bytes that nobody has taken, and the end behind them
    pollfd ends{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&ends, 1, 0) <= 0;
  }
  if (!std::exchange(unsure_, false)) return true;
  char next = 0;
  const ssize_t there = ::recv(socket_.native_handle(), &next, 1, MSG_PEEK);
  over_ = there == 0 || (there < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  if (over_) cancel_waits();
  return !over_;
}

// What has arrived before may hold more than the last read took: then nothing is waited for.
void Stream::read_encrypted(Asks asks) {
  if (tls_->may_have_more()) {
    asio::post(socket_.get_executor(), [handler = ReadHandler(this)]() mutable { handler({}, 0); });
    return;
  }
  read(tls_->space(), asks);
}

bool Stream::decrypted(boost::system::error_code& error, std::size_t& received) {
  if (!open_) error = asio::error::operation_aborted;  // what it was to be read into may be gone
  if (error && error != asio::error::eof) return true;
  if (!error) tls_->arrived(received);
  received = tls_->read(space_);
  (void)try_send_outgoing(*tls_);  // an answer to what TLS itself asks; if it cannot leave now, the next write sends it
  if (received > 0) {
    error = {};
  } else if (tls_->ended() == TlsSession::Ended::in_order) {
    error = asio::error::eof;
  } else if (error || tls_->ended() == TlsSession::Ended::broken) {
    error = asio::error::connection_reset;  // an end that TLS did not announce may be anybody's
  } else {
    return false;
  }
  return true;
}

void Stream::on_read(boost::system::error_code error, std::size_t received) {
  if (over_ && error == asio::error::operation_aborted) error = asio::error::eof;
  over_ = over_ && error;  // before the end there was more
  emptied_ = !error && received < room_;
  if (tls_ && !decrypted(error, received)) return read_encrypted(Asks::now);
  armed_ = unsure_ = false;
  received_ = error ? 0 : received;
  clean_end_ = error == asio::error::eof;
  if (waiter_) {
    arrived_ = true;
    turns_.arrived(*this);
  } else if (watcher_ != nullptr) {
    watcher_->on_unawaited_read();
  }
}

void Stream::resume() {
  if (std::exchange(arrived_, false) && waiter_) waiter_.call();
}

std::size_t Stream::take_received() { return std::exchange(received_, 0); }

Written Stream::try_send_outgoing(TlsSession& tls) {
  while (!tls.outgoing().empty()) {
    if (!open_) return Written::broken;
    const ssize_t sent = ::send(socket_.native_handle(), tls.outgoing().data(), tls.outgoing().size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Written::some : Written::broken;
    }
    tls.sent(static_cast<std::size_t>(sent));
  }
  return Written::all;
}

Written Stream::try_write_encrypted(std::span<iovec>& pieces) {
  constexpr std::size_t kAtOnce = std::size_t{64} << 10;  // no more is held encrypted than this
  while (true) {
    const Written sent = try_send_outgoing(*tls_);
    if (sent != Written::all || pieces.empty()) return sent;
    iovec& piece = pieces.front();
    const std::string_view next(static_cast<const char*>(piece.iov_base), std::min(piece.iov_len, kAtOnce));
    if (!tls_->write(next)) return Written::broken;
    piece.iov_base = static_cast<char*>(piece.iov_base) + next.size();
    piece.iov_len -= next.size();
    if (piece.iov_len == 0) pieces = pieces.subspan(1);
  }
}

Task<Result<void>> Stream::encrypt(std::unique_ptr<TlsSession> tls) {
  const StreamPtr keep(this);
  while (true) {
    const auto step = tls->shake_hands();
    Written sent = try_send_outgoing(*tls);  // also what we think of its certificate
    while (sent == Written::some && co_await writable()) sent = try_send_outgoing(*tls);
    if (step == TlsSession::Step::failed) co_return std::unexpected(tls->why());
    if (sent != Written::all) break;
    if (step == TlsSession::Step::done) {
      tls_ = std::move(tls);
      co_return Result<void>();
    }
    const std::span<char> space = tls->space();
    // Also for an end that has come already.
    co_await socket_.async_wait(asio::socket_base::wait_read, asio::as_tuple(asio::deferred));
    const auto [error, received] = co_await socket_.async_read_some(asio::mutable_buffer(space.data(), space.size()),
                                                                    asio::as_tuple(asio::deferred));
    if (error) break;
    emptied_ = true;
    tls->arrived(received);
  }
  co_return fail(Code::upstream_failed, "no TLS connection can be made",
                 "it closed the connection during the handshake");
}

Written Stream::try_write(std::span<iovec>& pieces) {
  if (tls_) return try_write_encrypted(pieces);
  while (!pieces.empty()) {
    if (!open_) return Written::broken;
    const ssize_t sent = send_now(socket_.native_handle(), pieces);
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

void Stream::acknowledge() {
  const int on = 1;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool Stream::was_read() {
  int unread = 0;
  return open_ && ::ioctl(socket_.native_handle(), SIOCOUTQ, &unread) == 0 && unread == 0;
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
