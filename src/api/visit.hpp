// A request's way to a worker and its time with it: what is the same for a model's answer and for an application's
// pages. What is asked and how the answer travels back stands in inference.cpp and application.cpp.
//
// Lives in the coroutine of the request, like all that it is given. Owner thread.
#pragma once

#include <optional>
#include <string>

#include "api/fault.hpp"
#include "api/lifecycle_options.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "base/clock.hpp"
#include "daemon/daemon.hpp"
#include "http/call.hpp"
#include "http/task.hpp"

namespace rouse::api {

// What the daemon is asked for: what the client wishes, as far as its key allows.
daemon::RequestOptions options_of(const Parts& parts, const Reply& reply, const LifecycleOptions& wishes);

// Why a settled ticket has no lease.
Fault refusal_of(const daemon::Ticket& ticket, Error error, TimePoint now);

// One call to a worker.
class Visit {
 public:
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 protected:
  // `deadline`: the client's own.
  Visit(const Parts& parts, Reply& reply, daemon::Lease& lease, std::optional<TimePoint> deadline);
  ~Visit() = default;

  // The head of the answer is there.
  void note_head();
  // After sending has failed: true when nobody has seen the request, since the worker has died before. The lease is
  // finished then, and another worker may answer.
  http::Task<bool> worker_had_died();
  // The call broke off.
  http::Task<void> fail(const Error& error);

  const Parts& parts_;
  Reply& reply_;
  daemon::Lease& lease_;
  std::string model_;
  TimePoint sent_;  // when the engine was asked
  http::Call call_;

 private:
  bool has_deadline_;
  std::optional<daemon::Cut> cut_;
};

}  // namespace rouse::api
