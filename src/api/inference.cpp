#include "api/inference.hpp"

#include <format>
#include <optional>
#include <utility>
#include <vector>

#include "api/conversation.hpp"
#include "api/fallback.hpp"
#include "api/media_urls.hpp"
#include "api/multipart.hpp"
#include "api/request_body.hpp"
#include "api/visit.hpp"

namespace rouse::api {
namespace {

std::expected<ModelId, Fault> find_model(const daemon::Daemon& daemon, std::string_view name) {
  auto found = daemon.find(name);
  if (!found) return std::unexpected(Fault(std::move(found.error()), "model"));
  return *found;
}

// The model that the body names, or the header X-Model, or both if they mean the same one.
std::expected<ModelId, Fault> choose_model(const daemon::Daemon& daemon, const std::optional<std::string>& in_body,
                                           std::optional<std::string_view> in_header) {
  if (!in_body && !in_header) {
    return std::unexpected(
        Fault({Code::malformed, "the request names no model; give its name as \"model\" in the body", {}}, "model"));
  }
  const auto model = find_model(daemon, in_body ? std::string_view(*in_body) : *in_header);
  if (!model || !in_body || !in_header || *in_body == *in_header) return model;
  const auto other = daemon.find(*in_header);
  if (other && *other == *model) return model;
  return std::unexpected(
      Fault({Code::malformed, "the header X-Model and \"model\" in the body name different models", {}}, "model"));
}

Fault media_fault(std::size_t at) {
  return Error{
      Code::malformed,
      std::format("media are not fetched by URL here (byte {} of the body); send them as a data: URL, or let an "
                  "administrator allow it with media_urls: allow",
                  at),
      {}};
}

Result<RequestBody> read_body(std::string_view content_type, std::string_view body, const Shape& shape) {
  if (!http::same_name(media_type(content_type), "multipart/form-data")) return read_json_body(body, shape.arrays);
  const auto boundary = boundary_of(content_type);
  if (!boundary) return std::unexpected(boundary.error());
  return read_multipart_body(body, *boundary);
}

// `instead`: the model that is to answer in place of the one that is named.
std::expected<Asked, Fault> understand(const Parts& parts, const Reply& reply, std::string_view body,
                                       const Shape& shape, std::optional<ModelId> instead = {}) {
  const http::Exchange& exchange = reply.exchange();
  auto request = read_body(exchange.field("Content-Type").value_or(""), body, shape);
  if (!request) return std::unexpected(Fault(request.error()));
  const auto headers = read_lifecycle_options(exchange.request());
  if (!headers) return std::unexpected(Fault(headers.error()));
  const auto lifecycle = combined(*headers, request->lifecycle);
  if (!lifecycle) return std::unexpected(Fault(lifecycle.error()));
  const auto model = instead ? *instead : choose_model(parts.daemon, request->model, exchange.field("X-Model"));
  if (!model) return std::unexpected(model.error());
  const daemon::Entry& entry = parts.daemon.entry(*model);
  if (!entry.model.upstream_model.empty())
    request->rename_model(entry.model.upstream_model);
  else if (instead)
    request->rename_model(entry.model.id);

  if (entry.model.media_urls == config::MediaUrls::refuse) {
    if (const auto at = request->may_hold_media ? find_media_url(body) : request->media_url)
      return std::unexpected(media_fault(*at));
  }

  Asked asked{.model = *model,
              .stream = shape.streams == Streams::if_asked && request->stream,
              .deadline = {},
              .options = options_of(parts, reply, *lifecycle)};
  const bool must_stream = lifecycle->deadline || (!request->stream && entry.engine->stops_streams_alone);
  if (must_stream && shape.answer) {
    asked.form = shape.answer;
    asked.usage = ask_for_stream(*shape.answer, body, entry.engine->counts_tokens, *request);
  }
  if (request->form == BodyForm::json) asked.arrays = shape.arrays;
  asked.edits = std::move(request->edits);
  if (lifecycle->deadline) asked.deadline = asked.options.deadline;
  return asked;
}

// A request's wait for a worker, through all its turns.
struct Waiting {
  TimePoint begun;
  Duration load{};                  // in the turns before
  std::optional<Fault> fault = {};  // of the latest, when nothing was answered
};

void note_wait(const Parts& parts, Reply& reply, const Waiting& waiting, const daemon::Ticket& ticket) {
  reply.timing.wait(parts.clock.now() - waiting.begun, waiting.load + ticket.waited().load);
}

// Waits for the lease, and lets a streaming client know that it does. False: the client has left.
http::Task<bool> wait(const Parts& parts, Reply& reply, const Asked& asked, const Waiting& waiting,
                      daemon::Ticket& ticket) {
  http::Exchange& exchange = reply.exchange();
  TimePoint next = asked.stream ? later(exchange.arrived(), parts.comment_after) : kNever;
  while (!co_await ticket.settled_by(next)) {
    if (!exchange.begun()) {
      note_wait(parts, reply, waiting, ticket);
      reply.begin_events();
    }
    const std::string comment = std::format(": {}\n\n", parts.daemon.progress(asked.model));
    if (co_await exchange.write(comment) == http::Delivery::client_gone) co_return false;
    next = later(parts.clock.now(), parts.comment_every);
  }
  co_return true;
}

// Waits for a worker and has it answer. Whoever calls it answers what was refused or passed on.
http::Task<Turn> take_turn(const Parts& parts, Reply& reply, const Asked& asked, Waiting& waiting,
                           std::string_view body) {
  auto ticket = co_await parts.daemon.request(asked.model, asked.options);
  if (!ticket) {
    reply.timing.wait(parts.clock.now() - waiting.begun, waiting.load);
    co_return refused(std::move(ticket.error()), waiting.fault);
  }
  const bool stays = ticket->settled() || co_await wait(parts, reply, asked, waiting, *ticket);
  note_wait(parts, reply, waiting, *ticket);
  if (!stays) co_return Turn::over;
  waiting.load = *reply.timing.load;
  auto lease = ticket->take();
  if (!lease) co_return refused(*ticket, std::move(lease.error()), parts.clock.now(), waiting.fault);
  Conversation conversation(parts, reply, *lease, asked, waiting.fault);
  co_return co_await conversation.run(body);
}

http::Task<void> infer_with_fallbacks(const Parts& parts, Reply& reply, Shape shape, std::string_view body,
                                      const Asked& first) {
  Waiting waiting{.begun = parts.clock.now()};
  Fallback fallback(parts, first.model, first.options.patience, *first.options.deadline);
  while (const auto model = fallback.next()) {
    auto asked = *model == first.model ? first : understand(parts, reply, body, shape, *model);
    if (!asked) {
      fallback.failed(std::move(asked.error()));
      continue;
    }
    fallback.fit(asked->options);
    asked->has_others = true;
    const std::string edited = asked->edits.empty() ? std::string() : asked->edits.made_in(body);
    const std::string_view for_engine = asked->edits.empty() ? body : std::string_view(edited);
    Turn turn = Turn::again;
    while (turn == Turn::again) turn = co_await take_turn(parts, reply, *asked, waiting, for_engine);
    if (turn == Turn::over) co_return;
    fallback.failed(*std::exchange(waiting.fault, std::nullopt));
    if (turn == Turn::refused) break;
  }
  co_await reply.error(fallback.told());
}

}  // namespace

http::Task<void> infer(const Parts& parts, Reply& reply, Shape shape) {
  Result<std::string_view> body = reply.exchange().body_at_hand().value_or("");
  if (!reply.exchange().body_at_hand()) body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  auto asked = understand(parts, reply, *body, shape);
  if (!asked) co_return co_await reply.error(asked.error());
  reply.model = asked->model;

  if (has_fallbacks(parts.daemon.entry(asked->model).model))
    co_return co_await infer_with_fallbacks(parts, reply, shape, *body, *asked);
  const std::string edited = asked->edits.empty() ? std::string() : asked->edits.made_in(*body);
  const std::string_view for_engine = asked->edits.empty() ? *body : std::string_view(edited);
  Waiting waiting{.begun = parts.clock.now()};
  Turn turn = Turn::again;
  while (turn == Turn::again) turn = co_await take_turn(parts, reply, *asked, waiting, for_engine);
  if (turn != Turn::over) co_await reply.error(std::move(*waiting.fault));
}

}  // namespace rouse::api
