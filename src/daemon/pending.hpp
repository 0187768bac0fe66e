// The inside of a ticket and of a lease; ticket.cpp and daemon.cpp only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "daemon/catalogue.hpp"
#include "daemon/ticket.hpp"

namespace rouse::daemon {

// What a ticket and a lease ask of the daemon.
class Desk {
 public:
  virtual ~Desk() = default;
  virtual void abandon(RequestId request) = 0;
  virtual void finish(RequestId request, core::Outcome outcome) = 0;
  virtual Error explain(const core::Refusal& refusal, ModelId model) const = 0;
  virtual boost::asio::io_context::executor_type executor() const = 0;
};

struct Pending {
  enum class At : std::uint8_t { waiting, admitted, refused };

  Desk& desk;
  RequestId request;
  ModelId model;
  TimePoint submitted;
  At at = At::waiting;

  // Once admitted.
  WorkerId worker{};
  std::shared_ptr<const Entry> entry = {};  // shared with the worker and the catalogue
  Upstream upstream = {};
  Waited waited = {};
  TimePoint admitted = kNever;
  std::function<void()> cut = {};
  bool worker_gone = false;

  // Once refused.
  core::Refusal refusal = {};

  std::optional<boost::asio::steady_timer> wait = {};  // while somebody waits for it

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
