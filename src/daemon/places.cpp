// Places that are kept for those who were told to come back.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{});
constexpr auto kPlaceKept = std::chrono::seconds(5);

}  // namespace

void Daemon::keep_waiting(Ticket ticket) {
  ticket.disown();
  boost::asio::co_spawn(impl_->parts.io.get_executor(), impl_->keep_waiting(std::move(ticket)), boost::asio::detached);
}

// A model that is kept for no time at all would be gone before whoever waited asks again: their place is kept until
// somebody asks, or for so long.
http::Task<void> Daemon::Impl::keep_waiting(Ticket ticket) {
  while (!co_await ticket.settled_by(kNever)) continue;
  auto lease = ticket.take();
  if (!lease) co_return;
  const ModelId model = lease->entry()->id;
  const TimePoint until = later(parts.clock.now(), kPlaceKept);
  boost::asio::steady_timer end(parts.io, until);
  bool cut = false;
  lease->on_cut([&](Cut) {
    cut = true;
    end.cancel();
  });
  const auto place = places_kept.emplace(model, &end);
  while (!cut && parts.clock.now() < until && nobody_asks_for(model)) co_await end.async_wait(kAwait);
  places_kept.erase(place);
  lease->finish(core::Outcome::unused);
}

bool Daemon::Impl::nobody_asks_for(ModelId id) const {
  const auto known = scheduler.view().models.find(id);
  if (known == scheduler.view().models.end() || !known->second.queue.empty()) return false;
  const auto* ready = std::get_if<core::Ready>(&known->second.state);
  return ready && ready->worker.leases.size() == places_kept.count(id);
}

void Daemon::Impl::look_at_places(ModelId model) {
  for (auto [place, end] = places_kept.equal_range(model); place != end; ++place) place->second->cancel();
}

}  // namespace rouse::daemon
