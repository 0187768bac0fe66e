// One client's connection: reads requests, hands each to the handler, writes the answers. Internal to http/.
//
// Owned by the completion handler of its coroutine, serve(). Two buffers take turns: `in_` holds the request that
// is being handled, whose views must stay put; whatever arrives meanwhile (the next request, or the client's end)
// goes to `next_`. Only where a client sends requests ahead can a read that began before the request still be
// under way; it then adds to `in_`, behind what is there.
#pragma once

#include <sys/uio.h>

#include <any>
#include <array>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/buffer.hpp"
#include "http/chunked.hpp"
#include "http/exchange.hpp"
#include "http/stream.hpp"

namespace rouse::http {

class ServerCore;

using AutoUnlink = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;
// What counts as one address: of IPv6 the first 64 bits, since a client has all that share them.
using Network = std::uint64_t;

struct AllTag;
struct IdleTag;

class Connection final : public Stream::Watcher,
                         public boost::intrusive::list_base_hook<boost::intrusive::tag<AllTag>, AutoUnlink>,
                         public boost::intrusive::list_base_hook<boost::intrusive::tag<IdleTag>, AutoUnlink> {
 public:
  // What the connection is waiting for, and so which time-out holds.
  enum class Phase : std::uint8_t { idle, head, body, handling, writing, lingering };

  Connection(std::shared_ptr<ServerCore> core, Handler& handler, StreamPtr stream, std::string peer,
             std::optional<Network> network);
  ~Connection();

  Task<void> serve();  // the connection's life

  boost::asio::cancellation_slot cancellation_slot() { return cancel_.slot(); }
  void on_tick();                       // closes it if it has been in its phase for too long
  void close_if_idle();                 // at drain
  void retire(const Handler& handler);  // when it is idle next, if that handles its requests
  void make_room();                     // while no head is whole
  void cut();                           // now, whatever it is doing

  // --- the request
  const RequestHead& request() const { return head_; }
  const std::string& peer() const { return peer_; }
  std::optional<Network> network() const { return network_; }  // of a TCP client
  TimePoint arrived() const { return arrived_; }
  std::any& kept() { return kept_; }
  Task<Result<std::string_view>> read_body();
  std::optional<std::string_view> body_at_hand() const {
    return body_state_ == Body::here ? std::optional(body_) : std::nullopt;
  }
  // Once a 101 was begun: what the client sends behind the request, as it comes; empty at the end. A view is valid
  // until the next read.
  Task<std::string_view> read_behind();

  // --- the answer
  enum class Date : std::uint8_t { add, given };
  // The usual reason phrase, unless there is one.
  void begin(int status, std::optional<std::uint64_t> content_length, Date date = Date::add,
             std::optional<std::string_view> reason = {});
  void append_field(std::string_view name, std::string_view value);
  void append_parsed(const Field& field) {  // of a head that was parsed: checked before
    out_.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  void append_lines(std::string_view lines) { out_.append(lines); }
  // Writes the head, if it has not left, and the bytes; `last` ends the answer with them. Nothing: the client did not
  // take all of it yet, so co_await finish_put(), while `bytes` stay.
  std::optional<Delivery> try_put(std::string_view bytes, bool last);
  Task<Delivery> finish_put();

  bool begun() const { return begun_; }
  bool head_sent() const { return head_sent_; }
  bool ended() const { return ended_; }
  bool appendable() const { return begun_ && !ended_ && !length_ && !bodiless_ && !gone_; }
  bool gone() const { return gone_; }
  int status() const { return begun_ ? status_ : 0; }
  std::uint64_t body_bytes() const { return written_; }
  void close_after() { close_ = true; }
  void hang_up();

 private:
  enum class Body : std::uint8_t { none, here, awaited, refused };

  void on_unawaited_read() override;

  void enter(Phase phase);
  void moved_on(std::size_t bytes);  // of the body, or of the answer
  Task<bool> read_head();
  void refuse_head(int status, std::string_view reason);
  void refuse(int status, const Error& error, const RequestHead* request);
  void prepare_body();
  void arm(Buffer& into, std::size_t at_most);
  Task<void> receive(Buffer& into, std::size_t at_most);
  Task<void> read_sized_body(std::size_t length);
  Task<void> read_chunked_body();
  bool charge_body(std::size_t size);
  bool grow_body(std::size_t capacity);
  void fail_body(Code code, std::string message);
  void body_is_here(std::string_view body);
  void watch();
  std::optional<Delivery> settle(Written written);
  void finish_head();
  void leave();
  void client_left();
  Task<void> finish_answer();
  void next_request();
  Task<void> linger();

  const std::shared_ptr<ServerCore> core_;
  Handler& handler_;
  const StreamPtr stream_;
  const std::string peer_;
  const std::optional<Network> network_;
  std::any kept_;  // the handler's
  boost::asio::cancellation_signal cancel_;
  Exchange exchange_{*this};

  // the request
  Buffer in_;
  Buffer next_;
  Buffer* arming_ = nullptr;  // what the armed read adds to
  RequestHead head_;
  TimePoint arrived_{};
  Buffer body_storage_;  // for a body that does not fit behind its head
  std::string_view body_;
  std::optional<Error> body_error_;
  std::size_t charged_ = 0;  // to the budget of buffered bodies
  Body body_state_ = Body::none;

  // the answer
  std::string out_;
  std::array<char, 20> chunk_line_;
  std::array<iovec, 4> pieces_;
  std::span<iovec> unwritten_;
  std::optional<std::uint64_t> length_;
  std::uint64_t written_ = 0;
  int status_ = 0;
  bool begun_ = false;
  bool head_sent_ = false;
  bool ended_ = false;
  bool ending_ = false;  // what is being written is the last of it
  bool bodiless_ = false;
  bool switched_ = false;  // to another protocol: bytes go as they are, both ways, until the connection ends
  Date date_ = Date::add;

  // the connection
  Phase phase_ = Phase::idle;
  std::uint64_t began_ = 0;  // the server's tick at which the phase began
  std::uint64_t since_ = 0;  // and at which something last happened in it
  std::uint64_t moved_ = 0;  // bytes since it began
  bool close_ = false;       // after this answer
  bool unread_ = false;      // the client may still be sending what nobody reads
  bool gone_ = false;
};

}  // namespace rouse::http
