#include "http/connection.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <format>
#include <utility>

#include "http/server_core.hpp"

namespace rouse::http {

namespace asio = boost::asio;

using IdleHook = boost::intrusive::list_base_hook<boost::intrusive::tag<IdleTag>, AutoUnlink>;

Connection::Connection(std::shared_ptr<ServerCore> core, Handler& handler, StreamPtr stream, std::string peer,
                       std::optional<Network> network)
    : core_(std::move(core)), handler_(handler), stream_(std::move(stream)), peer_(std::move(peer)), network_(network) {
  stream_->watch_for(this);
  in_ = core_->take_buffer();
  core_->joined(*this);
  core_->becomes_idle(*this);
  since_ = core_->ticks();
}

Connection::~Connection() {
  stream_->watch_for(nullptr);
  stream_->close();
  enter(Phase::handling);
  core_->refund(charged_);
  core_->give_back(std::move(in_));
  core_->give_back(std::move(next_));
  boost::intrusive::list_base_hook<boost::intrusive::tag<AllTag>, AutoUnlink>::unlink();
  core_->left(*this);
}

Task<void> Connection::serve() {
  try {
    while (co_await read_head()) {
      prepare_body();
      try {
        co_await handler_.handle(exchange_);
      } catch (...) {
        // Cancelled, and then nobody is left to be told; or a fault, which is answered below.
      }
      if (gone_) co_return;
      co_await finish_answer();
      if (close_ || gone_) break;
      next_request();
    }
    if (unread_ && !gone_) co_await linger();
  } catch (...) {
    // Cancelled between requests, or no memory: the connection closes either way.
  }
}

void Connection::moved_on(std::size_t bytes) {
  since_ = core_->ticks();
  moved_ += bytes;
}

void Connection::enter(Phase phase) {
  // Half a head does not keep a place from others.
  const auto gives_way = [](Phase of) { return of == Phase::idle || of == Phase::head; };
  if (gives_way(phase) && !gives_way(phase_)) {
    core_->becomes_idle(*this);
  } else if (!gives_way(phase) && gives_way(phase_)) {
    IdleHook::unlink();
    core_->leaves_idle();
  }
  phase_ = phase;
  began_ = since_ = core_->ticks();
  moved_ = 0;
}

Task<bool> Connection::read_head() {
  std::size_t seen = 0;
  while (true) {
    if (!in_.empty()) {
      if (phase_ != Phase::head) enter(Phase::head);
      const std::size_t end = find_head_end(in_.view(), seen);
      if (end > core_->limits.head_bytes || (end == 0 && in_.size() >= core_->limits.head_bytes)) {
        refuse_head(431, "the request's head is too large");
        co_return false;
      }
      if (end > 0) {
        if (const auto refusal = parse_request_head(in_.view().substr(0, end), head_)) {
          refuse_head(refusal->status, refusal->reason);
          co_return false;
        }
        in_.consume_in_place(end);
        arrived_ = std::chrono::steady_clock::now();
        enter(Phase::handling);
        ++core_->counts.requests;
        co_return true;
      }
      seen = in_.size();
    } else {
      if (core_->draining()) co_return false;
      enter(Phase::idle);
    }
    if (!stream_->armed()) {
      in_.compact();
      if (in_.space().empty()) in_.reserve(in_.capacity() * 2);
      if (!stream_->is_open()) co_return false;
      arm(in_, kAnyAmount);
    }
    co_await stream_->read_done();
    const std::size_t received = stream_->take_received();
    if (received == 0) {
      gone_ = true;
      co_return false;
    }
    in_.produce(received);
  }
}

void Connection::refuse_head(int status, std::string_view reason) {
  ++core_->counts.refused_heads;
  refuse(status, {Code::malformed, std::string(reason), {}}, nullptr);
}

// An answer to what is no request, or not all of one. It is written at once or not at all: nobody waits for such a
// client.
void Connection::refuse(int status, const Error& error, const RequestHead* request) {
  close_ = unread_ = true;
  const auto [lines, body] = handler_.refusal({status, error, peer_, request});
  const std::string answer = std::format("HTTP/1.1 {} {}\r\n{}{}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                                         status, reason_phrase(status), core_->date_line(), lines, body.size(), body);
  iovec piece{const_cast<char*>(answer.data()), answer.size()};
  std::span<iovec> pieces(&piece, 1);
  stream_->try_write(pieces);
}

// Looks after the client while the request is handled, and takes in what it sends next.
void Connection::watch() {
  if (stream_->armed() || gone_ || !stream_->is_open()) return;
  if (next_.capacity() == 0) next_ = core_->take_buffer();
  next_.compact();
  next_.append(in_.view());
  in_.keep_front(0);
  if (next_.space().empty()) next_.reserve(next_.capacity() * 2);
  if (next_.size() >= core_->limits.head_bytes) return;
  arming_ = &next_;
  stream_->arm_lazily(next_.space());
}

void Connection::arm(Buffer& into, std::size_t at_most) {
  arming_ = &into;
  const std::span<char> space = into.space();
  stream_->arm(space.first(std::min(space.size(), at_most)));
}

void Connection::on_unawaited_read() {
  const std::size_t received = stream_->take_received();
  if (received == 0) return leave();
  arming_->produce(received);
  if (!switched_) watch();  // read_behind() looks after it then
}

void Connection::leave() {
  client_left();
  cancel_.emit(asio::cancellation_type::terminal);
}

void Connection::client_left() {
  if (!gone_) ++core_->counts.clients_gone;
  gone_ = true;
  stream_->close();
}

void Connection::cut() {
  gone_ = true;
  stream_->close();
  cancel_.emit(asio::cancellation_type::terminal);
}

void Connection::hang_up() {
  gone_ = true;
  stream_->close();
}

void Connection::retire(const Handler& handler) {
  if (&handler != &handler_) return;
  close_ = true;
  close_if_idle();
}

void Connection::close_if_idle() {
  if (phase_ == Phase::idle) stream_->close();
}

void Connection::make_room() {
  stream_->close();
  enter(Phase::lingering);
}

void Connection::on_tick() {
  const ServerLimits& limits = core_->limits;
  // The client's end may have come with its request, or stand behind what it has sent ahead: then no read tells of it.
  const bool looked_after = phase_ == Phase::handling || phase_ == Phase::idle;
  if (looked_after && !stream_->look() && !stream_->armed()) return leave();
  Duration limit{};
  switch (phase_) {
    case Phase::handling: return;
    case Phase::idle: limit = limits.keep_alive; break;
    case Phase::head: limit = limits.head_time; break;
    case Phase::body: limit = limits.body_idle; break;
    case Phase::writing: limit = limits.write_idle; break;
    case Phase::lingering: limit = limits.linger; break;
  }
  const auto passed_since = [&](std::uint64_t tick) {
    return limits.tick * static_cast<std::int64_t>(core_->ticks() - tick);
  };
  const Duration earned = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(moved_) / static_cast<double>(limits.slowest)));
  if (passed_since(since_) <= limit && passed_since(began_) <= limit + earned) return;
  ++core_->counts.timed_out;
  const bool has_head = phase_ == Phase::body;
  if ((has_head || phase_ == Phase::head) && !begun_) {
    const std::string_view what = has_head ? "body" : "head";
    refuse(408,
           {Code::request_timeout, std::format("the request's {} did not arrive in time; send it again", what), {}},
           has_head ? &head_ : nullptr);
  }
  stream_->close();
}

void Connection::next_request() {
  core_->refund(std::exchange(charged_, 0));
  if (body_storage_.capacity() > 2 * kConnectionBuffer) body_storage_.release();
  body_error_.reset();
  body_ = {};
  begun_ = head_sent_ = ended_ = ending_ = bodiless_ = switched_ = false;
  written_ = 0;

  const bool goes_on_here = !in_.empty() || (stream_->armed() && arming_ == &in_);
  if (goes_on_here) return;
  in_.swap(next_);
  arming_ = &in_;
  core_->give_back(std::move(next_));
  if (in_.capacity() == 0) in_ = core_->take_buffer();
}

// The client may still be sending what nobody reads; closing at once would reset the connection, and it would
// lose the answer.
Task<void> Connection::linger() {
  stream_->shutdown_send();
  enter(Phase::lingering);
  Buffer scratch = core_->take_buffer();
  while (stream_->is_open()) {
    if (!stream_->armed()) stream_->arm(scratch.space());
    co_await stream_->read_done();
    if (stream_->take_received() == 0) break;
  }
}

}  // namespace rouse::http
