#include "api/visit.hpp"

#include <algorithm>
#include <utility>

#include "api/deadline.hpp"
#include "api/engine_fault.hpp"
#include "api/fallback.hpp"

namespace rouse::api {

daemon::RequestOptions options_of(const Parts& parts, const Reply& reply, const LifecycleOptions& wishes) {
  const TimePoint arrived = reply.exchange().arrived();
  daemon::RequestOptions options;
  options.priority = wishes.priority.value_or(core::Priority::normal);
  options.deadline = later(arrived, wishes.deadline.value_or(parts.deadline));
  options.keep = wishes.keep;
  options.patience = wishes.patience;
  reply.caller.bound(options);
  reply.introduce(options);
  return options;
}

Turn refused(Error error, std::optional<Fault>& why) {
  why = Fault(std::move(error));
  return why->error.code == Code::load_failed ? Turn::passed : Turn::refused;
}

Turn refused(const daemon::Ticket& ticket, Error error, TimePoint now, std::optional<Fault>& why) {
  const core::Refusal* refusal = ticket.refusal();
  why = refusal ? to_fault(std::move(error), *refusal, now) : Fault(std::move(error));
  return refusal && may_pass_on(refusal->reason) ? Turn::passed : Turn::refused;
}

Visit::Visit(const Parts& parts, Reply& reply, daemon::Lease& lease, std::optional<TimePoint> deadline)
    : parts_(parts),
      reply_(reply),
      lease_(lease),
      model_(lease.entry()->model.id),
      sent_(parts.clock.now()),
      deadline_(deadline.value_or(later(sent_, parts.deadline))),
      call_(parts.upstreams, lease.upstream().address, deadline_),
      has_deadline_(deadline.has_value()),
      is_remote_(lease.upstream().is_remote) {
  lease_.on_cut([this](daemon::Cut why) {
    cut_ = why;
    call_.stop();
  });
}

void Visit::note_head() {
  reply_.timing.first = call_.head_arrived() - sent_;
  lease_.answered(call_.head_arrived());
  if (is_remote_)
    note_progress();
  else if (!has_deadline_)
    call_.set_deadline(kNever);
}

void Visit::note_progress() {
  if (is_remote_ && !has_deadline_) call_.set_deadline(later(parts_.clock.now(), parts_.deadline));
}

http::Task<bool> Visit::another_may_answer() {
  if (!call_.unseen() || cut_ || lease_.upstream().is_remote) co_return false;
  if (call_.nobody_listens()) lease_.doubt_worker();
  const bool died = co_await lease_.worker_gone_by(std::min(deadline_, later(parts_.clock.now(), kDeathNoticed)));
  if (cut_) co_return false;
  // One that listens no more, but still answers others, is about to end: who comes meanwhile is for the next.
  const bool another = died || call_.nobody_listens();
  if (another) lease_.finish(core::Outcome::unused);
  co_return another;
}

http::Task<Fault> Visit::broke_off(Error error) {
  const bool may_have_died = error.code == Code::upstream_failed && !cut_ && !is_remote_;
  if (may_have_died) co_await lease_.worker_gone_by(later(parts_.clock.now(), kEndNoticed));
  Fault fault = engine_fault(error, cut_, is_remote_, model_, lease_.worker_end());
  const Spent spent{.queue = reply_.timing.queue,
                    .load = reply_.timing.load.value_or(Duration{}),
                    .prompt = parts_.clock.now() - sent_};
  const std::string detail = error.code == Code::deadline ? to_string(spent) : fault.error.context;
  parts_.log.warning("request {}: {} ({})", reply_.id(), fault.error.message, detail);
  lease_.finish(core::Outcome::failed);
  co_return fault;
}

}  // namespace rouse::api
