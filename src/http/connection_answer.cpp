// The answer: staged head, framing, one system call for all that is there.
#include <boost/asio/error.hpp>
#include <charconv>
#include <format>
#include <utility>

#include "http/connection.hpp"
#include "http/server_core.hpp"

namespace rouse::http {
namespace {

iovec piece_of(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

std::size_t size_of(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kEndAndLastChunk = "\r\n0\r\n\r\n";

}  // namespace

void Connection::begin(int status, std::optional<std::uint64_t> content_length, Date date,
                       std::optional<std::string_view> reason) {
  begun_ = true;
  status_ = status;
  length_ = content_length;
  date_ = date;
  switched_ = status == kSwitchingProtocols;
  bodiless_ = head_.method == "HEAD" || status == 204 || status == 304;
  out_.assign("HTTP/1.1 ");
  append_number(out_, static_cast<std::uint64_t>(status));
  out_.append(1, ' ').append(reason.value_or(reason_phrase(status))).append("\r\n");
}

void Connection::append_field(std::string_view name, std::string_view value) {
  // A value is never allowed to start a line of its own.
  if (!is_token(name) || !is_field_value(value)) return;
  out_.append(name).append(": ").append(value).append("\r\n");
}

void Connection::finish_head() {
  if (switched_) {
    close_ = true;
    out_.append("\r\n");
    return;
  }
  if (date_ == Date::add) out_.append(core_->date_line());
  if (length_) {
    if (status_ != 204) {
      out_.append("Content-Length: ");
      append_number(out_, *length_);
      out_.append("\r\n");
    }
  } else if (!bodiless_) {
    if (head_.http_1_0) {
      close_ = true;
    } else {
      out_.append("Transfer-Encoding: chunked\r\n");
    }
  }
  if (body_state_ == Body::awaited) close_ = unread_ = true;
  close_ = close_ || head_.close || core_->draining();
  out_.append(close_ ? "Connection: close\r\n\r\n" : "\r\n");
}

std::optional<Delivery> Connection::try_put(std::string_view bytes, bool last) {
  if (gone_ || ended_) return gone_ ? Delivery::client_gone : Delivery::sent;
  std::size_t count = 0;
  if (!head_sent_) {
    finish_head();
    head_sent_ = true;
    pieces_[count++] = piece_of(out_);
  }
  if (bodiless_) {
    // The head says what a body would be like.
  } else if (length_) {
    if (bytes.size() > *length_ - written_) bytes = bytes.substr(0, static_cast<std::size_t>(*length_ - written_));
    written_ += bytes.size();
    if (!bytes.empty()) pieces_[count++] = piece_of(bytes);
    if (last && written_ < *length_) last = false;  // never whole: the connection will be cut
  } else if (head_.http_1_0 || switched_) {
    written_ += bytes.size();
    if (!bytes.empty()) pieces_[count++] = piece_of(bytes);
  } else if (!bytes.empty()) {
    written_ += bytes.size();
    char* const end = chunk_line_.data() + chunk_line_.size();
    char* at = std::to_chars(chunk_line_.data(), end - 2, bytes.size(), 16).ptr;
    *at++ = '\r';
    *at++ = '\n';
    pieces_[count++] = piece_of({chunk_line_.data(), at});
    pieces_[count++] = piece_of(bytes);
    pieces_[count++] = piece_of(last ? kEndAndLastChunk : kEndAndLastChunk.substr(0, 2));
  } else if (last) {
    pieces_[count++] = piece_of(kLastChunk);
  }
  ending_ = last;
  unwritten_ = std::span(pieces_).first(count);
  return settle(stream_->try_write(unwritten_));
}

std::optional<Delivery> Connection::settle(Written written) {
  switch (written) {
    case Written::some: return std::nullopt;
    case Written::all: ended_ = ending_; return Delivery::sent;
    case Written::broken: client_left(); return Delivery::client_gone;
  }
  return std::nullopt;
}

Task<Delivery> Connection::finish_put() {
  enter(Phase::writing);
  while (true) {
    if (!co_await stream_->writable()) {
      client_left();
      co_return Delivery::client_gone;
    }
    const std::size_t before = size_of(unwritten_);
    const Written written = stream_->try_write(unwritten_);
    moved_on(before - size_of(unwritten_));
    if (const auto delivery = settle(written)) {
      enter(Phase::handling);
      co_return *delivery;
    }
  }
}

Task<void> Connection::finish_answer() {
  if (ended_) co_return;
  if (head_sent_) {  // begun and left open: the client must see that it is not whole
    gone_ = true;
    stream_->close();
    co_return;
  }
  const Error error{Code::internal, "internal error", {}};
  const auto [lines, body] = handler_.refusal({500, error, peer_, &head_});
  begin(500, body.size());
  append_lines(lines);
  if (!try_put(body, true)) co_await finish_put();
}

Handler::Refusal Handler::refusal(const Unanswered& what) {
  return {.lines = "Content-Type: text/plain\r\n", .body = std::format("{}\n", what.error.message)};
}

// --- the face that handlers see

const RequestHead& Exchange::request() const { return connection_.request(); }
std::string_view Exchange::peer() const { return connection_.peer(); }
TimePoint Exchange::arrived() const { return connection_.arrived(); }
std::any& Exchange::kept() const { return connection_.kept(); }
Task<Result<std::string_view>> Exchange::read_body() { return connection_.read_body(); }
std::optional<std::string_view> Exchange::body_at_hand() const { return connection_.body_at_hand(); }

Task<Delivery> Exchange::send(int status, std::initializer_list<Field> fields, std::string_view body) {
  return send(status, std::span(fields.begin(), fields.size()), body);
}

Task<Delivery> Exchange::send(int status, std::span<const Field> fields, std::string_view body) {
  connection_.begin(status, body.size());
  for (const Field& field : fields) connection_.append_field(field.name, field.value);
  return put(body, true);
}

Task<Delivery> Exchange::put(std::string_view bytes, bool last) {
  if (const auto delivery = connection_.try_put(bytes, last)) co_return *delivery;
  co_return co_await connection_.finish_put();
}

void Exchange::begin(int status, std::optional<std::uint64_t> content_length) {
  connection_.begin(status, content_length);
}
void Exchange::append_field(std::string_view name, std::string_view value) { connection_.append_field(name, value); }
void Exchange::append_lines(std::string_view lines) { connection_.append_lines(lines); }
Task<Delivery> Exchange::write(std::string_view bytes) { return put(bytes, false); }
Task<Delivery> Exchange::flush() { return put({}, false); }
Task<Delivery> Exchange::end() { return put({}, true); }
bool Exchange::begun() const { return connection_.begun(); }
bool Exchange::ended() const { return connection_.ended(); }
bool Exchange::appendable() const { return connection_.appendable(); }
bool Exchange::client_gone() const { return connection_.gone(); }
int Exchange::status() const { return connection_.status(); }
std::uint64_t Exchange::body_bytes() const { return connection_.body_bytes(); }
void Exchange::close_after() { connection_.close_after(); }
void Exchange::hang_up() { connection_.hang_up(); }

}  // namespace rouse::http
