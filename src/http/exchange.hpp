// One request and its answer, as a handler sees them, and the handler itself.
//
// An Exchange is owned by its connection and lives until the handler returns; everything runs on the owner
// thread. What always holds:
//   * A request is answered exactly once. A handler that returns or throws without an answer gives 500; one
//     that leaves a begun answer open has the connection cut, so that the client sees the truncation.
//   * While a handler waits, the client is watched: when it closes its side or resets, the handler's coroutine
//     is cancelled (Asio's terminal cancellation): whatever it awaits completes with operation_aborted, every later
//     co_await throws boost::system::system_error, and its destructors run. A handler frees what it holds by RAII and
//     does not swallow that exception.
//   * Nothing is written to the wire by begin() and field(): the head leaves with the first body bytes, in one
//     system call, or with flush().
#pragma once

#include <any>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/fields.hpp"
#include "http/head.hpp"
#include "http/task.hpp"

namespace rouse::http {

class Call;
class Connection;
struct RelayOptions;
struct RelayOutcome;

enum class Delivery : std::uint8_t { sent, client_gone };

class Exchange {
 public:
  explicit Exchange(Connection& connection) : connection_(connection) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // --- the request; views stay valid until the handler returns
  const RequestHead& request() const;
  std::string_view method() const { return request().method; }
  std::string_view target() const { return request().target; }
  std::string_view path() const { return request().path; }
  std::string_view query() const { return request().query; }
  std::optional<std::string_view> field(std::string_view name) const { return request().field(name); }
  std::string_view peer() const;  // the client's numeric address, or "unix"
  TimePoint arrived() const;      // when the head was whole
  std::any& kept() const;         // what the handler keeps from one request of a connection to the next

  // The whole body; empty if there is none. Fails with malformed (bad chunks), too_large (over the server's
  // limit) or unavailable (the shared budget of buffered bodies is spent); the connection closes after the answer then.
  // Asked again, it gives the same. Answers "Expect: 100-continue" when it has to wait.
  Task<Result<std::string_view>> read_body();
  std::optional<std::string_view> body_at_hand() const;  // if it has come with the head, as small ones do

  // --- a whole answer
  Task<Delivery> send(int status, std::initializer_list<Field> fields, std::string_view body);
  Task<Delivery> send(int status, std::span<const Field> fields, std::string_view body);

  // --- an answer in pieces: begin, field*, (write | flush)*, end
  // Without a length the body is chunked (or ends with the connection, for HTTP/1.0).
  void begin(int status, std::optional<std::uint64_t> content_length = std::nullopt);
  void append_field(std::string_view name, std::string_view value);  // only before the first write or flush
  void append_lines(std::string_view lines);                         // whole header lines, each ended by CRLF
  Task<Delivery> write(std::string_view bytes);                      // flushed at once
  Task<Delivery> flush();                                            // the head, if it has not left yet
  Task<Delivery> end();

  // --- how far the answer is
  bool begun() const;       // begin() or send() was called
  bool ended() const;       // the answer is whole
  bool appendable() const;  // begun, not ended, and of no declared length: more may be written
  bool client_gone() const;
  int status() const;                // 0 before begin()
  std::uint64_t body_bytes() const;  // that were handed on to the client
  void close_after();                // closes the connection after this answer
  void hang_up();                    // closes it now; there is no answer

 private:
  friend Task<RelayOutcome> relay(Exchange&, Call&, RelayOptions);
  friend Task<RelayOutcome> tunnel(Exchange&, Call&);
  Task<Delivery> put(std::string_view bytes, bool last);

  Connection& connection_;
};

class Handler {
 public:
  // What is said where handle() cannot answer.
  struct Refusal {
    std::string lines;  // of the answer's head, each ended by CRLF: Content-Type and what else belongs to every answer
    std::string body;
  };

  // A head that cannot be understood or has not arrived in time (`request` is null), a body that has not, or a
  // request to which handle() came to no answer.
  struct Unanswered {
    int status;
    const Error& error;
    std::string_view peer;
    const RequestHead* request;
  };

  virtual ~Handler() = default;
  // Asked once for each. In plain text, unless overridden.
  virtual Refusal refusal(const Unanswered& what);
  virtual Task<void> handle(Exchange& exchange) = 0;
};

}  // namespace rouse::http
