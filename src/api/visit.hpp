// A request's way to a worker and its time with it: what is the same for a model's answer and for an application's
// pages. What is asked and how the answer travels back stands in inference.cpp and application.cpp.
//
// Lives in the coroutine of the request, like all that it is given. Owner thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

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

// What has become of a request when its turn with a model is over.
enum class Turn : std::uint8_t {
  over,     // it has been answered, or its client has left
  again,    // the worker could not be asked any more: another one may be
  refused,  // nothing has been answered
  passed,   // nor had any work begun: another model may be asked
};

// Why there is no ticket, or a settled one has no lease.
Turn refused(Error error, std::optional<Fault>& why);
Turn refused(const daemon::Ticket& ticket, Error error, TimePoint now, std::optional<Fault>& why);

// One call to a worker.
class Visit {
 public:
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 protected:
  // `deadline`: the client's own.
  Visit(const Parts& parts, Reply& reply, daemon::Lease& lease, std::optional<TimePoint> deadline);
  ~Visit() = default;

  // The head of the answer is there. A client that has named no deadline waits for the rest as long as it takes, but
  // another server may be gone without a word: that one must not be silent for longer than until its first byte.
  void note_head();
  void note_progress();
  // After sending has failed: true when nobody has seen the request, since the worker has died before, or listens no
  // more. The lease is finished then, and the next worker may answer.
  http::Task<bool> another_may_answer();
  // The call broke off: what is told of it, and of the worker's end if that was why. The lease is finished.
  http::Task<Fault> broke_off(Error error);
  http::Task<void> fail(Error error) { co_await reply_.error(co_await broke_off(std::move(error))); }
  bool is_cut() const { return cut_.has_value(); }

  const Parts& parts_;
  Reply& reply_;
  daemon::Lease& lease_;
  std::string model_;
  TimePoint sent_;  // when the engine was asked
  const TimePoint deadline_;
  http::Call call_;

 private:
  const bool has_deadline_;
  const bool is_remote_;
  std::optional<daemon::Cut> cut_;
};

}  // namespace rouse::api
