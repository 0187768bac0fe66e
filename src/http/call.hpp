// The client side: pooled keep-alive connections to upstreams, and one request on one of them.
//
// An UpstreamPool is owned by whoever builds the object graph; a Call lives in the coroutine that makes the
// request. Owner thread only. What always holds:
//   * A Call that is destroyed before its answer was read to the end closes its connection at once, so that
//     the engine stops; otherwise the connection returns to the pool.
//   * Idle connections are watched: one that the upstream closes leaves the pool at once. None idles while a request
//     has waited long on another, since it may be what the upstream waits for. A request that still
//     meets a dying pooled connection, with no byte of an answer, is sent once more on a fresh one; what must not be
//     done twice is not.
//   * What a server has left unread of a request, or said without being asked, is never taken for a part of another
//     client's: connections for whole exchanges with programs have an owner.
//   * Field names and values are checked before they are sent: no header is split by a value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/address.hpp"
#include "http/head.hpp"
#include "http/task.hpp"

namespace rouse::http {

class Exchange;
class PoolCore;
struct RelayOptions;
struct RelayOutcome;

struct PoolLimits {
  std::size_t idle_per_upstream = 256;
  std::size_t connections = 8192;                   // to all upstreams: for one more, one that idles is closed
  Duration idle_time = std::chrono::seconds(60);    // an idle connection is closed after at most twice this
  Duration connect_time = std::chrono::seconds(5);  // for a connection to be made
  // A request waits so long for its answer on a connection of its own before those that idle are closed: its server may
  // serve one at a time.
  Duration queue_patience = std::chrono::milliseconds(500);
  std::size_t head_bytes = std::size_t{64} << 10;  // of an answer
};

class UpstreamPool {
 public:
  explicit UpstreamPool(boost::asio::io_context& io, PoolLimits limits = {});
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // Closes what idles there, for example because the worker is about to stop. Calls under way are not touched,
  // and their connections are not kept afterwards.
  void close_idle(const Address& upstream);
  std::size_t idle(const Address& upstream) const;

 private:
  friend class Call;
  friend class LinkOwner;
  std::shared_ptr<PoolCore> core_;  // owners: this, and the calls under way
};

// A client whose connections to upstreams are kept for nobody else, as if it had made them itself: whatever a server
// makes of its requests on them is its own affair. They are closed when it goes. It outlives its calls.
class LinkOwner {
 public:
  explicit LinkOwner(UpstreamPool& pool);
  ~LinkOwner();
  LinkOwner(const LinkOwner&) = delete;
  LinkOwner& operator=(const LinkOwner&) = delete;

 private:
  std::weak_ptr<PoolCore> core_;
};

enum class Credentials : std::uint8_t { drop, forward };

// What of a message is passed on. `inference`: without what is addressed to Rouse, and without what a server says for
// itself; `everything`: all but what belongs to one connection, for a program whose own clients and pages it is.
enum class Passing : std::uint8_t { inference, everything };

// One request to an upstream. Views must stay valid until send() returns.
struct Outgoing {
  std::string_view method = "GET";
  std::string_view target = "/";
  std::string_view host = {};          // the Host field; empty: the upstream's own name
  std::span<const Field> fields = {};  // a client's: those that travel are forwarded, see below
  std::string_view extra = {};         // header lines of ours, each ended by CRLF
  std::string_view body = {};
  std::optional<Duration> connect_time = {};  // otherwise the pool's
  std::string_view upgrade = {};              // the protocol to change to, if the upstream agrees (101)
  const LinkOwner* owner = nullptr;           // nobody: it may go where anybody's have gone who has no owner either
  // Never forwarded: hop-by-hop fields and those Connection names, Host and Expect; X-Rouse-* and X-Model, unless
  // everything is passed. And these, unless told:
  Passing passing = Passing::inference;
  Credentials authorization = Credentials::drop;  // Authorization, X-Api-Key, Api-Key
  Credentials cookies = Credentials::drop;
};

class Call {
 public:
  Call(UpstreamPool& pool, Address upstream, TimePoint deadline = kNever);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Sends the request, waits for the head of the answer. Fails with upstream_failed (cannot be reached, closed,
  // or made no sense), deadline, or unavailable (stop() was called, the coroutine was cancelled, or there is no
  // descriptor for a connection). Once per Call.
  Task<Result<const ResponseHead*>> send(Outgoing request);

  // The next bytes of the body, decoded, as soon as there are any; empty at its end. The view is valid until the next
  // read. Fails with upstream_failed when the answer breaks off, deadline, or unavailable as above.
  Task<Result<std::string_view>> read();

  // The rest of the body; too_large if there is more than `limit`.
  Task<Result<std::string>> read_all(std::size_t limit);

  // Ends the wait that is under way, and every later one, with unavailable. May be called from outside the
  // coroutine, for example when an operator cancels the request.
  void stop();
  void set_deadline(TimePoint deadline);

  // After send() has failed: nobody has seen the request, as far as that matters. No connection was made; or, of what
  // may be done twice, it was closed with some of the request unread, which the kernel tells from one that was closed
  // after all was read.
  bool unseen() const;
  // After send() has failed: it went on a connection that was kept, which ended without a byte. Whoever uses
  // connections again has to reckon with that; it may have been seen.
  bool met_the_end() const;
  // After send() has failed: where it was to go a connection was refused, or there is no such place.
  bool nobody_listens() const;

  const ResponseHead& head() const;
  TimePoint head_arrived() const;  // when the head of the answer was whole
  bool whole() const;              // the answer was read to its end

 private:
  friend Task<RelayOutcome> relay(Exchange&, Call&, RelayOptions);
  friend Task<RelayOutcome> tunnel(Exchange&, Call&);
  class Wire;
  std::unique_ptr<Wire> wire_;
};

// A whole exchange, for the daemon's own requests: status and body.
struct Answer {
  int status = 0;
  std::string body;
};
Task<Result<Answer>> request(UpstreamPool& pool, Address upstream, Outgoing request, TimePoint deadline,
                             std::size_t limit);

}  // namespace rouse::http
