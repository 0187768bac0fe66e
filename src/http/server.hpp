// An HTTP/1.1 server: listeners, connections, limits, time-outs, drain. Transport only.
//
// Owned by whoever builds the object graph; used from the owner thread alone; one per io_context is enough.
// Handlers outlive it. Connections that are still open when it is destroyed are cut; await drain() first to be gentle.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/address.hpp"
#include "http/exchange.hpp"
#include "http/task.hpp"

namespace rouse::http {

class ServerCore;

struct ServerLimits {
  std::size_t head_bytes = std::size_t{32} << 10;       // a larger head: 431
  std::size_t body_bytes = std::size_t{64} << 20;       // a larger body: 413
  std::size_t buffered_bytes = std::size_t{512} << 20;  // of all bodies held at once; beyond: 503
  std::size_t connections = 8192;  // beyond, the one without a whole head for longest closes; with none such: 503
  std::size_t connections_per_address = 6144;     // beyond, the same among those of that address (of IPv6: of that /64)
  Duration head_time = std::chrono::seconds(15);  // from a request's first byte to its head
  Duration body_idle = std::chrono::seconds(30);  // without a byte of a body that is awaited
  Duration write_idle = std::chrono::seconds(60);  // without the client taking a byte
  std::size_t slowest = 1024;  // bytes/s: in all, these two last no longer than that would take more
  Duration keep_alive = std::chrono::seconds(75);  // between requests, or before the first
  Duration linger = std::chrono::seconds(5);       // for a client to stop sending what nobody reads
  Duration tick = std::chrono::seconds(1);         // how often these are looked at
};

class Server {
 public:
  // What the server counts, for metrics and tests.
  struct Counts {
    std::size_t connections = 0;     // open now
    std::size_t idle = 0;            // of them, without a whole head
    std::size_t buffered_bytes = 0;  // of bodies, now
    std::uint64_t accepted = 0;
    std::uint64_t requests = 0;
    std::uint64_t refused_heads = 0;        // 400, 431
    std::uint64_t refused_connections = 0;  // 503 at a cap
    std::uint64_t timed_out = 0;
    std::uint64_t clients_gone = 0;  // in the middle of a request
  };

  Server(boost::asio::io_context& io, ServerLimits limits);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts to accept. A Unix socket is made with mode 0600; a stale file at its path is replaced, a live
  // server's is not. Gives the address with the port that was really bound.
  Result<Address> listen(const Address& address, Handler& handler);
  // Takes over a listening socket (socket activation).
  Result<Address> adopt(int listening_socket, Handler& handler);
  // The connections whose requests its handler answers are closed when they are idle next.
  void stop_listening(const Address& bound);

  // In force at once, for open connections too.
  void change(const ServerLimits& limits);

  // Accepts no more connections, and closes each that there is after its next answer: who asks whether we are ready on
  // one that has idled is told.
  void stop_accepting();
  // The same, and closes the idle ones; returns when no connection is left. What is left at the deadline is cut.
  Task<void> drain(TimePoint deadline);

  Counts counts() const;

 private:
  std::shared_ptr<ServerCore> core_;  // owners: this, and the coroutine of each connection and listener
};

}  // namespace rouse::http
