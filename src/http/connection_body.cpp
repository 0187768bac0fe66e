// The request's body: bounded, charged to the shared budget, and where it can be, left where it arrived.
#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <format>
#include <utility>

#include "http/connection.hpp"
#include "http/server_core.hpp"

namespace rouse::http {
namespace {

constexpr std::size_t kFirstBody = std::size_t{64} << 10;

}  // namespace

void Connection::prepare_body() {
  body_state_ = Body::awaited;
  if (head_.chunked) return;
  const std::uint64_t length = head_.content_length.value_or(0);
  if (length > core_->limits.body_bytes) {
    fail_body(Code::too_large, std::format("the body is larger than {} bytes", core_->limits.body_bytes));
  } else if (length <= in_.size()) {
    const auto size = static_cast<std::size_t>(length);
    const std::string_view body = in_.view().substr(0, size);
    if (!charge_body(size)) return;
    in_.consume_in_place(size);
    body_is_here(body);
  }
}

void Connection::body_is_here(std::string_view body) {
  body_ = body;
  body_state_ = Body::here;
  watch();
}

void Connection::fail_body(Code code, std::string message) {
  body_state_ = Body::refused;
  body_error_ = Error{code, std::move(message), ""};
  close_ = unread_ = true;
}

bool Connection::charge_body(std::size_t size) {
  if (size <= charged_) return true;
  if (!core_->charge(size - charged_)) {
    fail_body(Code::unavailable, "too many large requests at once; try again later");
    return false;
  }
  charged_ = size;
  return true;
}

bool Connection::grow_body(std::size_t capacity) {
  if (!charge_body(capacity)) return false;
  body_storage_.reserve(capacity);
  return true;
}

Task<Result<std::string_view>> Connection::read_body() {
  if (body_state_ == Body::awaited) {
    if (head_.expects_continue && in_.empty() && !begun_) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
      std::span<iovec> pieces(&piece, 1);
      stream_->try_write(pieces);
    }
    enter(Phase::body);
    if (stream_->armed()) co_await receive(in_, kAnyAmount);
    if (head_.chunked) {
      co_await read_chunked_body();
    } else {
      co_await read_sized_body(static_cast<std::size_t>(*head_.content_length));
    }
    enter(Phase::handling);
  }
  if (body_error_) co_return std::unexpected(*body_error_);
  co_return body_;
}

// Adds to `into`; or, when a read was under way before, to what that one was for.
Task<void> Connection::receive(Buffer& into, std::size_t at_most) {
  if (stream_->is_open()) {
    if (!stream_->armed()) arm(into, at_most);
    co_await stream_->read_done();
  }
  const std::size_t received = stream_->take_received();
  moved_on(received);
  if (received == 0) {
    client_left();
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
  arming_->produce(received);
}

// What has come already is in in_ behind the request, or in next_. The views of the request stay: in_ is only consumed.
Task<std::string_view> Connection::read_behind() {
  while (true) {
    for (Buffer* from : {&in_, &next_}) {
      if (from->empty()) continue;
      const std::string_view bytes = from->view();
      from->consume_in_place(bytes.size());
      co_return bytes;
    }
    if (!stream_->is_open()) co_return std::string_view();
    if (!stream_->armed()) {
      next_.clear();
      next_.reserve(kFirstBody);
      arm(next_, kAnyAmount);
    }
    co_await stream_->read_done();
    const std::size_t received = stream_->take_received();
    if (received == 0) {
      client_left();
      co_return std::string_view();
    }
    arming_->produce(received);
  }
}

Task<void> Connection::read_sized_body(std::size_t length) {
  if (in_.capacity() - in_.begin() >= length) {  // behind its head
    if (!charge_body(length)) co_return;
    while (in_.size() < length) co_await receive(in_, length - in_.size());
    const std::string_view body = in_.view().substr(0, length);
    in_.consume_in_place(length);
    body_is_here(body);
    co_return;
  }
  body_storage_.clear();
  if (!grow_body(std::min(length, std::max(kFirstBody, in_.size())))) co_return;
  body_storage_.append(in_.view());
  in_.keep_front(0);
  // Grows with what has arrived, so that an announced length alone takes no memory.
  while (body_storage_.size() < length) {
    if (body_storage_.space().empty() && !grow_body(std::min(length, body_storage_.capacity() * 2))) co_return;
    co_await receive(body_storage_, length - body_storage_.size());
  }
  body_is_here(body_storage_.view());
}

Task<void> Connection::read_chunked_body() {
  ChunkedDecoder decoder;
  body_storage_.clear();
  if (next_.capacity() == 0) next_ = core_->take_buffer();
  Buffer* from = &in_;
  while (true) {
    const std::span<char> bytes = from->bytes();
    const ChunkedDecoder::Step step = decoder.decode(bytes);
    if (decoder.failed()) {
      fail_body(Code::malformed, "the chunks of the body make no sense");
      co_return;
    }
    const std::size_t size = body_storage_.size() + step.decoded;
    if (size > core_->limits.body_bytes) {
      fail_body(Code::too_large, std::format("the body is larger than {} bytes", core_->limits.body_bytes));
      co_return;
    }
    if (size > charged_ && !grow_body(std::max({size, charged_ * 2, kConnectionBuffer}))) co_return;
    body_storage_.append(std::string_view(bytes.data(), step.decoded));
    from->consume_in_place(step.consumed);
    if (decoder.done()) break;
    const bool filled = next_.end() == next_.capacity() && from == &next_;
    next_.clear();
    if (filled) next_.reserve(kFirstBody);
    co_await receive(next_, kAnyAmount);
    from = &next_;
  }
  if (next_.empty() && next_.capacity() > kConnectionBuffer) next_ = core_->take_buffer();
  body_is_here(body_storage_.view());
}

}  // namespace rouse::http
