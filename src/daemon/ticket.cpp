#include "daemon/ticket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "daemon/pending.hpp"

namespace rouse::daemon {

http::Task<void> Pending::wait_until(TimePoint time) {
  if (!wait) wait.emplace(desk.executor());
  wait->expires_at(time);
  co_await wait->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
}

// --- Lease --------------------------------------------------------------------------------------------------

Lease::Lease(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  finish(core::Outcome::failed);
  pending_ = std::move(other.pending_);
  return *this;
}
Lease::~Lease() { finish(core::Outcome::failed); }

const Upstream& Lease::upstream() const { return pending_->upstream; }
const std::shared_ptr<const Entry>& Lease::entry() const { return pending_->entry; }
WorkerId Lease::worker() const { return pending_->worker; }
void Lease::on_cut(std::function<void(Cut)> cut) {
  if (pending_->cut_short) return cut(*pending_->cut_short);
  pending_->cut = std::move(cut);
}
std::optional<Barred> Lease::enter_circuit() { return pending_->desk.enter_circuit(*pending_); }
void Lease::leave_circuit(CircuitBreaker::Verdict verdict, Error why) {
  if (pending_->pass) pending_->desk.leave_circuit(*pending_, verdict, std::move(why));
}
void Lease::is_open_ended() { pending_->open_ended = true; }

void Lease::answered(TimePoint first_byte) { pending_->first_byte = first_byte; }

void Lease::finish(core::Outcome outcome) {
  const std::unique_ptr<Pending> pending = std::move(pending_);
  if (!pending) return;
  if (pending->pass) pending->desk.leave_circuit(*pending, CircuitBreaker::Verdict::nothing, {});
  pending->desk.finish(pending->request, outcome);
}

void Lease::doubt_worker() { pending_->desk.doubt(*pending_); }
const std::string& Lease::worker_end() const { return pending_->worker_end; }

http::Task<bool> Lease::worker_gone_by(TimePoint time) {
  while (!pending_->worker_gone && std::chrono::steady_clock::now() < time) co_await pending_->wait_until(time);
  co_return pending_->worker_gone;
}

// --- Ticket -------------------------------------------------------------------------------------------------

Ticket::Ticket(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}
Ticket::Ticket(Ticket&&) noexcept = default;
Ticket& Ticket::operator=(Ticket&& other) noexcept {
  Ticket old(std::move(*this));
  pending_ = std::move(other.pending_);
  return *this;
}

Ticket::~Ticket() {
  if (!pending_) return;
  if (pending_->at == Pending::At::waiting) pending_->desk.abandon(pending_->request);
  if (pending_->at == Pending::At::admitted) pending_->desk.finish(pending_->request, core::Outcome::unused);
}

bool Ticket::settled() const { return pending_->at != Pending::At::waiting; }
RequestId Ticket::request() const { return pending_->request; }
Waited Ticket::waited() const { return settled() ? pending_->waited : pending_->desk.waited(*pending_); }

http::Task<bool> Ticket::settled_by(TimePoint time) {
  while (!settled() && std::chrono::steady_clock::now() < time) co_await pending_->wait_until(time);
  co_return settled();
}

Result<Lease> Ticket::take() {
  if (pending_->at == Pending::At::refused)
    return std::unexpected(pending_->desk.explain(pending_->refusal, pending_->model));
  if (pending_->at == Pending::At::cancelled)
    return fail(Code::cancelled, "an operator cancelled this request while it waited");
  return Lease(std::move(pending_));
}

const core::Refusal* Ticket::refusal() const {
  return pending_ && pending_->at == Pending::At::refused ? &pending_->refusal : nullptr;
}

void Ticket::disown() {
  pending_->id = pending_->client = {};
  pending_->exchange = nullptr;
}

}  // namespace rouse::daemon
