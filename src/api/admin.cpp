#include "api/admin.hpp"

#include <algorithm>

#include "api/admin_bodies.hpp"
#include "api/admin_shapes.hpp"
#include "api/lifecycle_options.hpp"

namespace rouse::api {
namespace {

std::string error_body(const Fault& fault, std::string_view) { return admin_error(fault); }

// What only administrators may see.
void hide_internals(daemon::ModelStatus& model) {
  model.pid.reset();
  model.error.clear();
}

// By its name: while something was awaited, a reload may have removed the model.
http::Task<void> answer_model(const Parts& parts, Reply& reply, int status, std::string_view id) {
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  daemon::ModelStatus status_now = parts.daemon.model(*model);
  if (!reply.caller.is_admin()) hide_internals(status_now);
  co_await reply.json(status, admin_json_of(status_now));
}

// Returns when the model is ready, or why it is not; joins a load under way.
http::Task<Result<void>> load_and_wait(const Parts& parts, Reply& reply, ModelId model,
                                       daemon::RequestOptions options) {
  const TimePoint begun = parts.clock.now();
  auto ticket = co_await parts.daemon.request(model, options);
  if (!ticket) {
    reply.timing.wait(parts.clock.now() - begun, Duration{});
    co_return std::unexpected(std::move(ticket.error()));
  }
  while (!co_await ticket->settled_by(kNever)) continue;
  reply.timing.wait(parts.clock.now() - begun, ticket->waited().load);
  auto lease = ticket->take();
  if (!lease) co_return std::unexpected(std::move(lease.error()));
  lease->finish(core::Outcome::unused);
  co_return Result<void>{};
}

http::Task<void> set_pin(const Parts& parts, Reply& reply, std::string_view id, bool pinned) {
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  parts.daemon.pin(*model, pinned);
  co_await answer_model(parts, reply, 200, id);
}

}  // namespace

constinit const Dialect kAdmin{error_body};

http::Task<void> admin_models(const Parts& parts, Reply& reply, std::string_view) {
  std::vector<daemon::ModelStatus> models = parts.daemon.models();
  if (!reply.caller.is_admin()) std::ranges::for_each(models, hide_internals);
  co_await reply.json(200, admin_json_of(models));
}

http::Task<void> admin_model(const Parts& parts, Reply& reply, std::string_view id) {
  if (const auto model = parts.daemon.find(id)) co_await parts.daemon.expect_footprint(*model);
  co_await answer_model(parts, reply, 200, id);
}

http::Task<void> admin_devices(const Parts& parts, Reply& reply, std::string_view) {
  co_await parts.daemon.look_at_devices();
  co_await reply.json(200, admin_json_of(parts.daemon.devices_as_sampled(), parts.daemon.groups()));
}

http::Task<void> admin_requests(const Parts& parts, Reply& reply, std::string_view) {
  co_await reply.json(200, admin_json_of(parts.daemon.requests()));
}

http::Task<void> admin_cancel(const Parts& parts, Reply& reply, std::string_view id) {
  const auto cancelled = parts.daemon.cancel(id);
  if (!cancelled) co_return co_await reply.error(cancelled.error());
  parts.log.info("request {} cancelled by {}", cancelled->id, reply.client_name());
  co_await reply.json(200, admin_json_of(*cancelled));
}

http::Task<void> admin_load(const Parts& parts, Reply& reply, std::string_view id) {
  const auto body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  const auto wanted = read_load_request(*body);
  if (!wanted) co_return co_await reply.error(wanted.error());
  const auto lifecycle = read_lifecycle_options(reply.request());
  if (!lifecycle) co_return co_await reply.error(lifecycle.error());
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());

  daemon::RequestOptions options;
  options.priority = lifecycle->priority.value_or(core::Priority::normal);
  options.keep = lifecycle->keep;
  options.patience = lifecycle->patience;
  options.origin = core::Origin::operator_;
  reply.caller.bound(options);
  reply.introduce(options);
  if (lifecycle->deadline) options.deadline = later(reply.exchange().arrived(), *lifecycle->deadline);
  auto loaded = wanted->wait ? co_await load_and_wait(parts, reply, *model, options)
                             : co_await parts.daemon.begin_load(*model, options);
  if (!loaded) co_return co_await reply.error(std::move(loaded.error()));
  co_await answer_model(parts, reply, wanted->wait ? 200 : 202, id);
}

http::Task<void> admin_unload(const Parts& parts, Reply& reply, std::string_view id) {
  const auto body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  const auto wanted = read_unload_request(*body);
  if (!wanted) co_return co_await reply.error(wanted.error());
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());

  auto receipt = co_await parts.daemon.unload(*model, wanted->force ? core::Force::yes : core::Force::no);
  if (!receipt) co_return co_await reply.error(std::move(receipt.error()));
  co_await reply.json(200, admin_json_of(*receipt));
}

http::Task<void> admin_trim(const Parts& parts, Reply& reply, std::string_view id) {
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  auto receipt = co_await parts.daemon.trim(*model);
  if (!receipt) co_return co_await reply.error(std::move(receipt.error()));
  co_await reply.json(200, admin_json_of(*receipt));
}

http::Task<void> admin_forget(const Parts& parts, Reply& reply, std::string_view id) {
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  parts.daemon.forget_learnt(*model);
  co_await answer_model(parts, reply, 200, id);
}

http::Task<void> admin_pin(const Parts& parts, Reply& reply, std::string_view id) {
  co_await set_pin(parts, reply, id, true);
}

http::Task<void> admin_unpin(const Parts& parts, Reply& reply, std::string_view id) {
  co_await set_pin(parts, reply, id, false);
}

http::Task<void> admin_reload(const Parts& parts, Reply& reply, std::string_view) {
  const auto body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  if (const auto wanted = read_reload_request(*body); !wanted) co_return co_await reply.error(wanted.error());
  const auto changes = parts.reload();
  if (!changes) co_return co_await reply.error(changes.error());
  co_await reply.json(200, admin_json_of(*changes));
}

}  // namespace rouse::api
