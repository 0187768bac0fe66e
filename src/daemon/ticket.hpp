// A request's place in the queue, and then its claim on a worker.
//
//   Ticket ticket = …;                                  // waiting, or settled already
//   while (!co_await ticket.settled_by(next_comment))   // the model loads
//     …write a comment…
//   Result<Lease> lease = ticket.take();
//   …relay…; lease->finish(core::Outcome::ok);
//
// Both are move-only and belong to the coroutine of the request; dropping a Ticket abandons the request, dropping a
// Lease finishes it as failed. The Daemon outlives both. Owner thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/effects.hpp"
#include "core/events.hpp"
#include "daemon/circuit_breaker.hpp"
#include "http/address.hpp"
#include "http/task.hpp"

namespace rouse::daemon {

class Daemon;
struct Entry;
struct Pending;  // ticket.cpp

// Where a request's time went, for Server-Timing and the log.
struct Waited {
  Duration queue{};  // from the request to its admission or refusal, less the load
  Duration load{};   // of it, while the model was loading
};

// Who answers: a worker, or another server.
struct Upstream {
  http::Address address = {};
  std::string prefix = {};  // of its paths
  std::string lines = {};   // header lines that it wants, each ended by CRLF: our key
  std::optional<Duration> connect_time = {};
  bool is_remote = false;
};

// Why the server behind a remote model is not asked now.
struct Barred {
  Error error;
  TimePoint retry_at = kNever;
};

enum class Cut : std::uint8_t {
  forced,     // a forced unload, or shutdown
  gave_way,   // an open-ended one: others wait for the worker's bytes
  cancelled,  // an operator cancelled the request
};

class Lease {
 public:
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();  // finishes as failed

  const Upstream& upstream() const;
  // What the worker was started from; shared with the worker and the catalogue.
  const std::shared_ptr<const Entry>& entry() const;
  WorkerId worker() const;
  // Of a remote model: before its server is asked, whether it may be (its circuit may be open), and afterwards what
  // that has told of it.
  std::optional<Barred> enter_circuit();
  void leave_circuit(CircuitBreaker::Verdict verdict, Error why = {});
  // Nobody listened where the worker did: it is ended if that stays so, and it answers nobody else.
  void doubt_worker();
  // Waits until the worker's process is known to be gone, at most until `time`; whether it is.
  http::Task<bool> worker_gone_by(TimePoint time);
  // How the worker ended, and below that the last lines that it wrote; empty while it is not known to be gone.
  const std::string& worker_end() const;
  // Called when a forced unload, a shutdown or an operator ends this request: stop the call. At once, if that was
  // before. Not called after finish.
  void on_cut(std::function<void(Cut)> cut);
  // The engine's answer has begun.
  void answered(TimePoint first_byte);
  // It is a connection that has no end of its own, as a WebSocket: it is cut a while after others begin to wait for the
  // worker's bytes.
  void is_open_ended();
  void finish(core::Outcome outcome);

 private:
  friend class Ticket;
  explicit Lease(std::unique_ptr<Pending> pending);
  std::unique_ptr<Pending> pending_;  // nothing once finished
};

class Ticket {
 public:
  explicit Ticket(std::unique_ptr<Pending> pending);
  Ticket(Ticket&&) noexcept;
  Ticket& operator=(Ticket&&) noexcept;
  ~Ticket();  // abandons

  bool settled() const;
  // Waits until admitted or refused, at most until `time`; true if settled. Cancelling the coroutine leaves the
  // request waiting until the Ticket is dropped.
  http::Task<bool> settled_by(TimePoint time);
  // Until now, or until it was settled.
  Waited waited() const;
  // Once settled: the lease, or why not, in words for the client.
  Result<Lease> take();
  // Why it was refused: for Retry-After and the like. Only when take() gives an error that came from the core.
  const core::Refusal* refusal() const;
  RequestId request() const;
  void disown();  // whoever asked has gone: forgets what was theirs, see RequestOptions

 private:
  std::unique_ptr<Pending> pending_;
};

}  // namespace rouse::daemon
