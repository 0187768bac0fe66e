#include "api/reservations.hpp"

#include <charconv>
#include <format>

#include "api/admin_bodies.hpp"
#include "api/admin_shapes.hpp"
#include "api/lifecycle_options.hpp"

namespace rouse::api {

http::Task<void> reservations(const Parts& parts, Reply& reply, std::string_view) {
  co_await reply.json(200, admin_json_of(parts.daemon.reservations(), parts.started));
}

http::Task<void> reserve(const Parts& parts, Reply& reply, std::string_view) {
  const auto body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  const auto wanted = read_reservation_request(*body);
  if (!wanted) co_return co_await reply.error(wanted.error());
  const auto lifecycle = read_lifecycle_options(reply.request());
  if (!lifecycle) co_return co_await reply.error(lifecycle.error());
  auto device = parts.daemon.find_device(wanted->device);
  if (!device) {  // the driver may not have been asked yet
    co_await parts.daemon.look_at_devices();
    device = parts.daemon.find_device(wanted->device);
  }
  if (!device) {
    co_return co_await reply.error(
        Error{Code::malformed,
              std::format("this machine has no device \"{}\"; GET /rouse/v1/devices lists those it has",
                          wanted->device.substr(0, 100)),
              {}});
  }
  daemon::RequestOptions bounded;  // by what its key may
  bounded.priority = wanted->priority.value_or(lifecycle->priority.value_or(core::Priority::normal));
  reply.caller.bound(bounded);
  daemon::ReservationWish wish{.device = *device,
                               .bytes = wanted->bytes,
                               .priority = bounded.priority,
                               .deadline = {},
                               .lasts = wanted->lasts,
                               .pid = wanted->pid,
                               .client = bounded.client,
                               .holder = std::string(reply.client_name())};
  if (lifecycle->deadline) wish.deadline = later(reply.exchange().arrived(), *lifecycle->deadline);
  const auto reserved = wanted->wait ? co_await parts.daemon.reserve(std::move(wish))
                                     : co_await parts.daemon.begin_reservation(std::move(wish));
  if (!reserved) co_return co_await reply.error(reserved.error());
  co_await reply.json(reserved->granted_at ? 200 : 202, admin_json_of(*reserved));
}

http::Task<void> end_reservation(const Parts& parts, Reply& reply, std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, wrong] = std::from_chars(id.data(), id.data() + id.size(), number);
  const bool is_number = wrong == std::errc() && end == id.data() + id.size();
  const auto ended =
      is_number ? parts.daemon.end_reservation(number)
                : fail(Code::not_found, "a reservation is named by its number; GET /rouse/v1/reservations lists them");
  if (!ended) co_return co_await reply.error(ended.error());
  co_await reply.json(200, admin_json_of(*ended));
}

}  // namespace rouse::api
