#include "daemon/reservations.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <format>
#include <system_error>
#include <utility>

#include "daemon/impl.hpp"
#include "system/fd.hpp"

namespace rouse::daemon {
namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{});

Error to_error(const core::Refusal& refusal, const ReservationWish& wish, std::string_view unavailable) {
  const std::string device = device_name(wish.device);
  switch (refusal.reason) {
    case core::Reason::too_large:
      if (!unavailable.empty())
        return {Code::unavailable, std::format("{} cannot be used now: {}; try again later", device, unavailable), {}};
      return {Code::too_big_for_ever,
              std::format("{} can offer {} at most, and {} were asked for; ask for less, or raise its limit in budgets",
                          device, to_string(refusal.available), to_string(wish.bytes)),
              {}};
    case core::Reason::taken_by_pins:
      return {Code::unavailable,
              std::format("pinned models leave {} of {}, and {} were asked for; unpin one or try again later",
                          to_string(refusal.available), device, to_string(wish.bytes)),
              {}};
    case core::Reason::deadline:
      return {Code::deadline,
              std::format("{} of {} were not free in time; allow it more with X-Rouse-Deadline, or a higher priority",
                          to_string(wish.bytes), device),
              {}};
    case core::Reason::shutting_down: return {Code::unavailable, "the server is shutting down", {}};
    case core::Reason::unknown_model:
    case core::Reason::queue_full:
    case core::Reason::not_ready:
    case core::Reason::unloading:
    case core::Reason::load_failed:
    case core::Reason::will_not_die:
    case core::Reason::loading:
    case core::Reason::pinned: break;  // of models alone
  }
  return {Code::internal, std::format("the reservation was refused: {}", core::name(refusal.reason)), {}};
}

Error to_error(ReservationStep over, const ReservationWish& wish) {
  return {Code::conflict,
          over == ReservationStep::abandoned && wish.pid
              ? std::format("process {}, which was to hold the reservation, ended before it was granted", *wish.pid)
              : "the reservation was given back before it was granted",
          {}};
}

// Can be read from once the process has ended.
Result<system::Fd> open_process(int pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) return system::Fd(fd);
  if (errno == ESRCH || errno == EINVAL)
    return fail(Code::malformed,
                std::format("there is no process {} on this machine that could hold a reservation", pid));
  return fail(Code::internal, std::format("process {} cannot be watched", pid), std::generic_category().message(errno));
}

}  // namespace

std::string_view name(ReservationStep step) {
  switch (step) {
    case ReservationStep::queued: return "queued";
    case ReservationStep::granted: return "granted";
    case ReservationStep::refused: return "refused";
    case ReservationStep::expired: return "expired";
    case ReservationStep::abandoned: return "abandoned";
    case ReservationStep::returned: return "returned";
  }
  std::unreachable();
}

// From the asking to the end; its own timer is cancelled when it is granted, refused or over.
struct Daemon::Impl::Reservation {
  Reservation(boost::asio::io_context& io, ReservationWish what)
      : wish(std::move(what)), settled(io, boost::asio::steady_timer::time_point::max()), holder(io) {}

  ReservationWish wish;
  RequestId request{};
  ModelId id{};
  WorkerId worker{};  // once granted
  WallTime asked_at;
  std::optional<WallTime> granted_at = {};
  std::optional<core::Refusal> refusal = {};
  std::optional<ReservationStep> over = {};  // how it ended
  boost::asio::steady_timer settled;
  boost::asio::posix::stream_descriptor holder;  // a pidfd

  bool awaited() const { return !granted_at && !refusal && !over; }
  ReservationStatus status() const {
    ReservationStatus now{.id = id.value - kFirstReservation.value,
                          .device = device_name(wish.device),
                          .bytes = wish.bytes,
                          .priority = wish.priority,
                          .holder = wish.holder,
                          .pid = wish.pid,
                          .asked_at = asked_at,
                          .granted_at = granted_at,
                          .expires_at = {}};
    if (granted_at && wish.lasts)
      now.expires_at = *granted_at + std::chrono::duration_cast<WallTime::duration>(*wish.lasts);
    return now;
  }
};

Result<std::shared_ptr<Daemon::Impl::Reservation>> Daemon::Impl::ask_for(ReservationWish wish) {
  auto reservation = std::make_shared<Reservation>(parts.io, std::move(wish));
  const ReservationWish& wanted = reservation->wish;
  if (wanted.pid) {
    auto watched = open_process(*wanted.pid);
    if (!watched) return std::unexpected(std::move(watched.error()));
    reservation->holder.assign(watched->release());
    reservation->holder.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                   [this, which = std::weak_ptr(reservation)](const boost::system::error_code& error) {
                                     const auto ended = which.lock();
                                     if (!error && ended) end(*ended, ReservationStep::abandoned);
                                   });
  }
  reservation->request = RequestId{next_request++};
  reservation->id = ModelId{next_reservation++};
  reservation->asked_at = parts.clock.wall();
  reservations.emplace(reservation->request, reservation);
  keep_sampling();
  if (wanted.device == kHost && warm_files.held() > Bytes{})
    warm_files.give_way(wanted.bytes - scheduler.view().ledger.free(kHost));
  feed(core::Reserve{.request = reservation->request,
                     .reservation = reservation->id,
                     .device = wanted.device,
                     .bytes = wanted.bytes,
                     .client = wanted.client,
                     .priority = wanted.priority,
                     .deadline = wanted.deadline.value_or(later(parts.clock.now(), default_deadline)),
                     .lasts = wanted.lasts.value_or(Duration::max())});
  if (reservation->awaited()) tell(*reservation, ReservationStep::queued);
  return reservation;
}

void Daemon::Impl::tell(const Reservation& reservation, ReservationStep step) const {
  const ReservationStatus status = reservation.status();
  parts.log.info("reservation {}: {} of {} for {} {}", status.id, to_string(status.bytes), status.device, status.holder,
                 name(step));
  for (Observer* observer : observers) observer->on_reservation(status, step);
}

// What a process uses counts once, however many reservations it holds.
void Daemon::Impl::add_holders(core::DeviceMeasured& sample) const {
  std::map<int, Bytes> left;
  for (const auto& [request, reservation] : reservations) {
    const ReservationWish& wish = reservation->wish;
    if (!reservation->granted_at || !wish.pid || wish.device != sample.device) continue;
    const auto [held, first] = left.try_emplace(*wish.pid);
    if (first) held->second = system::tree_memory(*wish.pid).held();
    const Bytes part = std::min(held->second, wish.bytes);
    sample.trees->push_back({reservation->worker, part});
    held->second -= part;
  }
}

void Daemon::Impl::add_holder(const Reservation& reservation, Gpus::Roots& roots) {
  if (reservation.granted_at && reservation.wish.pid) roots.emplace(*reservation.wish.pid, reservation.worker);
}

Error Daemon::Impl::explain(const core::Refusal& refusal, const ReservationWish& wish) const {
  const system::Gpu* gpu = gpus.find(wish.device);
  return to_error(refusal, wish, gpu ? std::string_view(gpu->unavailable) : std::string_view());
}

bool Daemon::Impl::is_granted(const core::Admit& effect) {
  const auto it = reservations.find(effect.request);
  if (it == reservations.end()) return false;
  Reservation& reservation = *it->second;
  reservation.worker = effect.worker;
  reservation.granted_at = parts.clock.wall();
  reservation.settled.cancel();
  tell(reservation, ReservationStep::granted);
  return true;
}

bool Daemon::Impl::is_refused(const core::Refuse& effect) {
  const auto it = reservations.find(effect.request);
  if (it == reservations.end()) return false;
  const auto reservation = std::move(it->second);  // shared with whoever waits for it
  reservations.erase(it);
  reservation->refusal = effect.refusal;
  reservation->settled.cancel();
  tell(*reservation, ReservationStep::refused);
  return true;
}

bool Daemon::Impl::is_over(const core::CutLease& effect) {
  const auto it = reservations.find(effect.request);
  if (it == reservations.end()) return false;
  const auto ended = it->second;  // shared with whoever waits for it
  end(*ended, scheduler.view().shutting_down ? ReservationStep::returned : ReservationStep::expired);
  return true;
}

// What its holder still uses is others' from the next sample on, and the rest is free: so that is taken at once.
void Daemon::Impl::end(Reservation& reservation, ReservationStep how) {
  const auto it = reservations.find(reservation.request);
  if (it == reservations.end()) return;
  const auto ended = std::move(it->second);  // shared with whoever waits for it
  reservations.erase(it);
  ended->over = how;
  ended->settled.cancel();
  boost::system::error_code ignored;
  ended->holder.close(ignored);
  tell(*ended, how);
  feed(core::Finish{ended->request});
  if (is_gpu(ended->wish.device))
    look_at_gpus();
  else
    sample();
}

http::Task<Result<ReservationStatus>> Daemon::reserve(ReservationWish wish) {
  co_await impl_->sampled({{wish.device, wish.bytes}});  // it is not granted what others have taken meanwhile
  auto asked = impl_->ask_for(std::move(wish));
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  struct Asking {  // who leaves before it is granted gives it up
    Impl& impl;
    std::shared_ptr<Impl::Reservation> what;  // shared with the daemon
    ~Asking() {
      if (what->awaited()) impl.end(*what, ReservationStep::refused);
    }
  } const asking{*impl_, *asked};
  const Impl::Reservation& mine = *asking.what;
  while (mine.awaited()) co_await asking.what->settled.async_wait(kAwait);
  if (mine.refusal) co_return std::unexpected(impl_->explain(*mine.refusal, mine.wish));
  if (!mine.granted_at) co_return std::unexpected(to_error(*mine.over, mine.wish));
  co_return mine.status();
}

http::Task<Result<ReservationStatus>> Daemon::begin_reservation(ReservationWish wish) {
  co_await impl_->sampled({{wish.device, wish.bytes}});
  const auto asked = impl_->ask_for(std::move(wish));
  if (!asked) co_return std::unexpected(asked.error());
  if ((*asked)->refusal) co_return std::unexpected(impl_->explain(*(*asked)->refusal, (*asked)->wish));
  co_return (*asked)->status();
}

Result<ReservationStatus> Daemon::end_reservation(std::uint64_t id) {
  for (const auto& [request, reservation] : impl_->reservations) {
    if (reservation->id.value - kFirstReservation.value != id) continue;
    const ReservationStatus status = reservation->status();
    impl_->end(*reservation, ReservationStep::returned);
    return status;
  }
  return fail(Code::not_found,
              std::format("there is no reservation {}; GET /rouse/v1/reservations lists those there are", id));
}

std::vector<ReservationStatus> Daemon::reservations() const {
  std::vector<ReservationStatus> all;
  for (const auto& [request, reservation] : impl_->reservations) all.push_back(reservation->status());
  return all;
}

std::optional<DeviceId> Daemon::find_device(std::string_view wanted) const {
  for (const auto& [id, device] : impl_->scheduler.view().ledger.devices()) {
    if (!is_group(id) && device_name(id) == wanted) return id;
  }
  return std::nullopt;
}

}  // namespace rouse::daemon
