#include "api/inference.hpp"

#include <format>
#include <optional>
#include <vector>

#include "api/deadline.hpp"
#include "api/engine_fault.hpp"
#include "api/engine_message.hpp"
#include "api/event_boundary.hpp"
#include "api/media_urls.hpp"
#include "api/multipart.hpp"
#include "api/request_body.hpp"
#include "api/visit.hpp"
#include "http/relay.hpp"

namespace rouse::api {
namespace {

constexpr std::size_t kErrorBodyLimit = std::size_t{64} << 10;

// What a request asks for.
struct Asked {
  ModelId model;
  bool stream = false;
  std::optional<TimePoint> deadline;  // the client's own
  daemon::RequestOptions options;
  Edits edits = {};                     // of the body, before the engine gets it
  std::optional<AnswerForm> form = {};  // set when the engine is to stream and its answer is put together here
  Usage usage = Usage::unasked;
  std::span<const ArrayMember> arrays = {};  // in its body
};

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

std::expected<Asked, Fault> understand(const Parts& parts, const Reply& reply, std::string_view body,
                                       const Shape& shape) {
  const http::Exchange& exchange = reply.exchange();
  auto request = read_body(exchange.field("Content-Type").value_or(""), body, shape);
  if (!request) return std::unexpected(Fault(request.error()));
  const auto headers = read_lifecycle_options(exchange.request());
  if (!headers) return std::unexpected(Fault(headers.error()));
  const auto lifecycle = combined(*headers, request->lifecycle);
  if (!lifecycle) return std::unexpected(Fault(lifecycle.error()));
  const auto model = choose_model(parts.daemon, request->model, exchange.field("X-Model"));
  if (!model) return std::unexpected(model.error());
  const daemon::Entry& entry = parts.daemon.entry(*model);
  if (!entry.model.upstream_model.empty()) request->rename_model(entry.model.upstream_model);

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
  Duration load{};  // in the turns before
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

// The fields that travel to the engine when its answer is read along, or when comments were sent before and the head
// that announced plain text has left already: it must not compress.
std::vector<http::Field> without_encodings(const std::vector<http::Field>& fields) {
  std::vector<http::Field> kept;
  for (const http::Field& field : fields) {
    if (!http::same_name(field.name, "Accept-Encoding")) kept.push_back(field);
  }
  return kept;
}

bool is_event_stream(const http::ResponseHead& head) {
  return head.field("Content-Type").value_or("").starts_with("text/event-stream") && !head.field("Content-Encoding");
}

bool is_redirect(const http::ResponseHead& head) {
  return head.status >= 300 && head.status < 400 && head.status != 304;
}

class Conversation : private Visit {
 public:
  Conversation(const Parts& parts, Reply& reply, daemon::Lease& lease, const Asked& asked)
      : Visit(parts, reply, lease, asked.deadline), asked_(asked) {}

  // True when nobody has seen the request, since the worker has died before: another may answer it.
  http::Task<bool> run(std::string_view body);

 private:
  http::Task<void> answer(const http::ResponseHead& head, std::string_view body);
  http::Task<void> append_refusal(const http::ResponseHead& head);
  http::Task<void> reword_refusal(const http::ResponseHead& head);
  http::Task<void> refuse_redirect();
  http::Task<void> answer_by_deadline();
  http::Task<void> relay();

  const Asked& asked_;
};

http::Task<bool> Conversation::run(std::string_view body) {
  const http::Exchange& exchange = reply_.exchange();
  const bool reads_along = exchange.begun() || asked_.form;
  const std::vector<http::Field> kept =
      reads_along ? without_encodings(exchange.request().fields) : std::vector<http::Field>();
  const daemon::Upstream& upstream = lease_.upstream();
  const std::string prefixed = upstream.prefix.empty() ? "" : upstream.prefix + std::string(exchange.target());
  const auto head = co_await call_.send({.method = exchange.method(),
                                         .target = prefixed.empty() ? exchange.target() : prefixed,
                                         .fields = reads_along ? kept : exchange.request().fields,
                                         .extra = upstream.lines,
                                         .body = body,
                                         .connect_time = upstream.connect_time});
  if (!head) {
    if (co_await worker_had_died()) co_return true;
    co_await fail(head.error());
    co_return false;
  }
  note_head();
  co_await answer(**head, body);
  co_return false;
}

http::Task<void> Conversation::answer(const http::ResponseHead& head, std::string_view body) {
  if (is_redirect(head)) return refuse_redirect();
  // Some engines take what cannot be answered for a fault of their own.
  if (const auto sound = head.status < 500 ? Result<void>() : check_elements(body, asked_.arrays); !sound) {
    lease_.finish(core::Outcome::ok);
    return reply_.error(sound.error());
  }
  if (reply_.exchange().begun() && (head.status != 200 || !is_event_stream(head))) return append_refusal(head);
  if (head.status >= 400 && reply_.words_engine_errors()) return reword_refusal(head);
  if (asked_.form && is_event_stream(head)) return answer_by_deadline();
  return relay();
}

http::Task<void> Conversation::answer_by_deadline() {
  const auto answer = begin_partial_answer(*asked_.form, asked_.usage);
  const auto delivery = asked_.stream ? DeliveredAs::stream : DeliveredAs::whole;
  AnswerByDeadline answering(parts_.clock, reply_, call_, *answer, delivery, sent_);
  const Ending ending = co_await answering.run();
  switch (ending.how) {
    case Ending::How::client_gone: co_return;
    case Ending::How::whole: lease_.finish(core::Outcome::ok); co_return;
    case Ending::How::cut_short:
      lease_.finish(core::Outcome::ok);
      parts_.log.info("request {}: model \"{}\" was ended by its deadline after {} tokens: {}", reply_.id(), model_,
                      answer->tokens(), to_string(ending.spent));
      co_return;
    case Ending::How::refused: {
      lease_.finish(core::Outcome::failed);
      co_await reply_.error(ending.error);
      co_return;
    }
    case Ending::How::broken: co_await fail(ending.error);
  }
}

// The engine refuses, but its client has been told 200 while it waited: an event instead.
http::Task<void> Conversation::append_refusal(const http::ResponseHead& head) {
  const int status = head.status;
  const auto body = co_await call_.read_all(kErrorBodyLimit);
  if (!body) co_return co_await fail(body.error());
  lease_.finish(outcome_of(status));
  const Code code = status >= 400 && status < 500 ? Code::malformed : Code::upstream_failed;
  co_await reply_.error(Error{code, engine_message(*body, status), {}});
}

// The engine refuses in words that are not the dialect's.
http::Task<void> Conversation::reword_refusal(const http::ResponseHead& head) {
  const int status = head.status;
  const std::string retry_after(head.field("Retry-After").value_or(""));
  const auto body = co_await call_.read_all(kErrorBodyLimit);
  if (!body) co_return co_await fail(body.error());
  lease_.finish(outcome_of(status));
  co_await reply_.engine_error(status, engine_message(*body, status), retry_after);
}

// Nobody follows it: what was asked for here is not sent elsewhere, least of all with a key.
http::Task<void> Conversation::refuse_redirect() {
  lease_.finish(core::Outcome::failed);
  co_await reply_.error(Error{Code::upstream_failed,
                              std::format("the server behind model \"{}\" answered with a redirect, which is not "
                                          "followed; its url in the configuration has to be the one that answers",
                                          model_),
                              {}});
}

http::Task<void> Conversation::relay() {
  const int status = call_.head().status;
  if (is_event_stream(call_.head())) reply_.assume_events();
  EventBoundary boundary;
  std::string_view lines = reply_.lines();
  std::string advised;
  if (status == kNotImplemented) lines = advised.append(lines).append("x-should-retry: false\r\n");
  const http::RelayOutcome outcome = co_await http::relay(reply_.exchange(), call_, {.extra = lines, .tap = &boundary});
  switch (outcome.end) {
    case http::RelayEnd::finished: lease_.finish(outcome_of(status)); co_return;
    case http::RelayEnd::client_gone: co_return;
    case http::RelayEnd::broken:
    case http::RelayEnd::stopped: break;
  }
  // Half an event cannot be taken back, but it can be ended.
  if (reply_.exchange().appendable() && reply_.in_events() && !boundary.between_events()) {
    if (co_await reply_.exchange().write("\n\n") == http::Delivery::client_gone) co_return;
  }
  co_await fail(outcome.error);
}

// Waits for a worker and has it answer. True when it died before it was asked: the request waits its turn once more.
http::Task<bool> take_turn(const Parts& parts, Reply& reply, const Asked& asked, Waiting& waiting,
                           std::string_view body) {
  auto ticket = co_await parts.daemon.request(asked.model, asked.options);
  if (!ticket) {
    reply.timing.wait(parts.clock.now() - waiting.begun, waiting.load);
    co_await reply.error(std::move(ticket.error()));
    co_return false;
  }
  const bool stays = ticket->settled() || co_await wait(parts, reply, asked, waiting, *ticket);
  note_wait(parts, reply, waiting, *ticket);
  if (!stays) co_return false;
  waiting.load = *reply.timing.load;
  auto lease = ticket->take();
  if (!lease) {
    co_await reply.error(refusal_of(*ticket, std::move(lease.error()), parts.clock.now()));
    co_return false;
  }
  Conversation conversation(parts, reply, *lease, asked);
  co_return co_await conversation.run(body);
}

}  // namespace

http::Task<void> infer(const Parts& parts, Reply& reply, Shape shape) {
  Result<std::string_view> body = reply.exchange().body_at_hand().value_or("");
  if (!reply.exchange().body_at_hand()) body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());
  auto asked = understand(parts, reply, *body, shape);
  if (!asked) co_return co_await reply.error(asked.error());
  reply.model = asked->model;

  const std::string edited = asked->edits.empty() ? std::string() : asked->edits.made_in(*body);
  const std::string_view for_engine = asked->edits.empty() ? *body : std::string_view(edited);
  Waiting waiting{.begun = parts.clock.now()};
  while (co_await take_turn(parts, reply, *asked, waiting, for_engine)) {
  }
}

}  // namespace rouse::api
