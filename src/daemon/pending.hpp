// The inside of a ticket and of a lease; ticket.cpp and daemon.cpp only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "daemon/catalogue.hpp"
#include "daemon/stand_in.hpp"
#include "daemon/ticket.hpp"
#include "http/exchange.hpp"

namespace rouse::daemon {

struct Pending;

// What a ticket and a lease ask of the daemon.
class Desk {
 public:
  virtual ~Desk() = default;
  virtual void abandon(RequestId request) = 0;
  virtual void finish(RequestId request, core::Outcome outcome) = 0;
  virtual Waited waited(const Pending& pending) const = 0;
  virtual void doubt(Pending& pending) = 0;
  virtual std::optional<Barred> enter_circuit(Pending& pending) = 0;
  virtual void leave_circuit(Pending& pending, CircuitBreaker::Verdict verdict, Error why) = 0;
  virtual Error explain(const core::Refusal& refusal, ModelId model) const = 0;
  virtual boost::asio::io_context::executor_type executor() const = 0;
};

struct Pending {
  enum class At : std::uint8_t { waiting, admitted, refused, cancelled };

  Desk& desk;
  RequestId request;
  ModelId model;
  TimePoint submitted;
  std::string_view id = {};  // of the caller, like the next two
  std::string_view client = {};
  const http::Exchange* exchange = nullptr;
  core::Origin origin = core::Origin::client;
  std::optional<InPlaceOf> in_place_of = {};
  Duration loading_before{};  // its model, until it was submitted
  At at = At::waiting;

  Waited waited = {};  // once it waits no longer

  // Once admitted.
  WorkerId worker{};
  std::shared_ptr<const Entry> entry = {};  // shared with the worker and the catalogue
  Upstream upstream = {};
  std::optional<CircuitBreaker::Pass> pass = {};  // of a remote one, while it is not known what has become of it
  TimePoint admitted = kNever;
  std::optional<TimePoint> first_byte = {};
  std::function<void(Cut)> cut = {};
  std::optional<Cut> cut_short = {};
  bool unheard = false;  // nobody listened where the worker did
  bool worker_gone = false;
  std::string worker_end = {};  // how it ended
  bool open_ended = false;      // see Lease::is_open_ended

  // Once refused.
  core::Refusal refusal = {};

  std::optional<boost::asio::steady_timer> wait = {};  // while somebody waits for it

  void cut_off(Cut why) {
    cut_short = why;
    if (cut) cut(why);
  }
  http::Task<void> wait_until(TimePoint time);  // or until woken
  void wake() {
    if (wait) wait->cancel();
  }
  void settle(At how) {
    at = how;
    wake();
  }
};

}  // namespace rouse::daemon
