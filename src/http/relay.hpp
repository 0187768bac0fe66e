// Passes an upstream's answer on to the client: byte for byte, each read flushed at once, head and first bytes
// in one write, nothing allocated per piece.
//
//   Call call(pool, worker_address, deadline);
//   auto head = co_await call.send({.method = exchange.method(), .target = exchange.target(),
//                                   .fields = exchange.request().fields, .body = body});
//   if (!head) → nothing was sent: answer with head.error()
//   auto outcome = co_await relay(exchange, call, {.extra = "X-Request-Id: 7\r\n"});
//
// A body with a length keeps it; a chunked one is framed anew; one that ends with the connection becomes
// chunked. Hop-by-hop fields stay behind, and so does what the upstream says for itself (see is_of_the_server).
//
// With Passing::everything it passes the head on as it is, reason phrase included, but for the hop-by-hop fields.
//
// If the exchange has begun before (loading comments were sent), only the body is appended; the caller has
// looked at the call's status first, and turned what is not 200 into an event of its own.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/call.hpp"
#include "http/exchange.hpp"

namespace rouse::http {

// Sees the body's bytes on their way to the client, just before they are written.
class Tap {
 public:
  virtual ~Tap() = default;
  virtual void on_bytes(std::string_view bytes) = 0;
};

struct RelayOptions {
  std::string_view extra = {};  // header lines for the answer, each ended by CRLF; in place of those of the same name
  Tap* tap = nullptr;
  Passing passing = Passing::inference;
};

enum class RelayEnd : std::uint8_t {
  finished,     // whole; the exchange has ended
  broken,       // the upstream broke off. The exchange is open: if appendable(), the caller may write a last
                // event and end(); returning cuts the connection
  stopped,      // deadline or stop(): as broken, but wanted
  client_gone,  // nobody is left to answer
};

struct RelayOutcome {
  RelayEnd end = RelayEnd::finished;
  int status = 0;
  std::uint64_t bytes = 0;        // of the body, to the client
  TimePoint first_byte = kNever;  // when the first of them was there
  Error error;                    // if broken or stopped
};

Task<RelayOutcome> relay(Exchange& exchange, Call& call, RelayOptions options = {});

}  // namespace rouse::http
