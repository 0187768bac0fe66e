#include "api/conversation.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <utility>
#include <vector>

#include "api/deadline.hpp"
#include "api/engine_fault.hpp"
#include "api/engine_message.hpp"
#include "api/event_boundary.hpp"
#include "api/fallback.hpp"
#include "api/multipart.hpp"
#include "http/relay.hpp"

namespace rouse::api {
namespace {

constexpr std::size_t kRefusalLimit = std::size_t{64} << 10;
constexpr std::size_t kRefusalLogged = std::size_t{4} << 10;
constexpr Duration kRefusalWithin = std::chrono::seconds(2);

using enum daemon::CircuitBreaker::Verdict;

// A client's own deadline says nothing of the server, unless it was a long one.
daemon::CircuitBreaker::Verdict verdict_on(const Error& error, Duration waited) {
  constexpr Duration kLong = std::chrono::seconds(30);
  const bool broke = error.code == Code::upstream_failed || error.code == Code::untrusted;
  return broke || (error.code == Code::deadline && waited >= kLong) ? fails : nothing;
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

bool is_json(const http::ResponseHead& head) {
  const std::string_view type = media_type(head.field("Content-Type").value_or(""));
  return http::same_name(type, "application/json") || type.ends_with("+json");
}

// Where it is a number of seconds.
std::optional<Duration> retry_after(const http::ResponseHead& head) {
  const std::string_view text = head.field("Retry-After").value_or("");
  long seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || seconds <= 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

bool is_redirect(const http::ResponseHead& head) {
  return head.status >= 300 && head.status < 400 && head.status != 304;
}

}  // namespace

http::Task<Turn> Conversation::run(std::string_view body) {
  const http::Exchange& exchange = reply_.exchange();
  const bool reads_along = exchange.begun() || asked_.form;
  const std::vector<http::Field> kept =
      reads_along ? without_encodings(exchange.request().fields) : std::vector<http::Field>();
  const daemon::Upstream& upstream = lease_.upstream();
  if (upstream.is_remote && !may_ask()) co_return Turn::passed;
  const std::string prefixed = upstream.prefix.empty() ? "" : upstream.prefix + std::string(exchange.target());
  const auto head = co_await call_.send({.method = exchange.method(),
                                         .target = prefixed.empty() ? exchange.target() : prefixed,
                                         .fields = reads_along ? kept : exchange.request().fields,
                                         .extra = upstream.lines,
                                         .body = body,
                                         .connect_time = upstream.connect_time});
  if (!head) co_return co_await find_out(head.error());
  const int status = (*head)->status;
  if (upstream.is_remote) note_answer(status);
  const bool no_answer = is_no_answer(status) || (status == 429 && stands_in_meanwhile());
  if (upstream.is_remote && asked_.has_others && no_answer) co_return co_await step_aside(status, retry_after(**head));
  note_head();
  reply_.served_by = lease_.entry();
  if (reply_.exchange().begun() && asked_.options.in_place_of) {  // its head has left without saying so
    const std::string comment = std::format(": answered by {}\n\n", model_);
    if (co_await reply_.exchange().write(comment) == http::Delivery::client_gone) co_return Turn::over;
  }
  co_await answer(**head, body);
  co_return Turn::over;
}

bool Conversation::stands_in_meanwhile() const {
  const auto& in_place_of = asked_.options.in_place_of;
  return in_place_of && in_place_of->why == daemon::StandsIn::loading;
}

// False: its server has failed again and again, and is left alone.
bool Conversation::may_ask() {
  auto barred = lease_.enter_circuit();
  if (!barred) return true;
  lease_.finish(core::Outcome::unused);
  fault_ = Fault(std::move(barred->error));
  fault_->retry_after = barred->retry_at - parts_.clock.now();
  return false;
}

void Conversation::note_answer(int status) {
  if (!is_no_answer(status)) return lease_.leave_circuit(answers);
  lease_.leave_circuit(fails, {Code::unavailable, std::format("it answered {}", status), {}});
}

// No head came.
http::Task<Turn> Conversation::find_out(const Error& error) {
  if (co_await another_may_answer()) co_return Turn::again;
  const bool is_remote = lease_.upstream().is_remote;
  if (is_remote) lease_.leave_circuit(is_cut() ? nothing : verdict_on(error, parts_.clock.now() - sent_), error);
  const bool no_work =
      is_remote && !is_cut() && error.code != Code::deadline && (call_.unseen() || stands_in_meanwhile());
  fault_ = co_await broke_off(error);
  co_return no_work ? Turn::passed : Turn::refused;
}

// Its server cannot answer now, and another model may. Its words are kept for the case that none does.
http::Task<Turn> Conversation::step_aside(int status, std::optional<Duration> retry_after) {
  const std::string text = co_await refusal_text();
  lease_.finish(core::Outcome::failed);
  const Code code = status == 503 ? Code::unavailable : Code::upstream_failed;
  fault_ = Fault(
      {code,
       std::format("the server behind model \"{}\" answered {}: {}", model_, status, engine_message(text, status)),
       {}});
  fault_->retry_after = retry_after;
  co_return Turn::passed;
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
  if (outcome_of(head.status) == core::Outcome::failed && !is_json(head)) return hide_refusal(head);
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

// What the engine says as it refuses: as much as there is within the time and the limit.
http::Task<std::string> Conversation::refusal_text() {
  call_.set_deadline(std::min(*asked_.options.deadline, later(parts_.clock.now(), kRefusalWithin)));
  std::string text;
  while (text.size() < kRefusalLimit) {
    const auto piece = co_await call_.read();
    if (!piece || piece->empty()) break;
    text.append(piece->substr(0, kRefusalLimit - text.size()));
  }
  co_return text;
}

// The engine refuses, but its client has been told 200 while it waited: an event instead.
http::Task<void> Conversation::append_refusal(const http::ResponseHead& head) {
  const int status = head.status;
  const std::string text = co_await refusal_text();
  if (is_cut()) co_return co_await fail({Code::upstream_failed, text, {}});
  lease_.finish(outcome_of(status));
  const Code code = status >= 400 && status < 500 ? Code::malformed : Code::upstream_failed;
  co_await reply_.error(Error{code, engine_message(text, status), {}});
}

// The engine refuses in words that are not the dialect's.
http::Task<void> Conversation::reword_refusal(const http::ResponseHead& head) {
  const int status = head.status;
  const std::string retry_after(head.field("Retry-After").value_or(""));
  const std::string text = co_await refusal_text();
  if (is_cut()) co_return co_await fail({Code::upstream_failed, text, {}});
  lease_.finish(outcome_of(status));
  co_await reply_.engine_error(status, engine_message(text, status), retry_after);
}

// What a program says that fails unforeseen, a traceback say, is not for its clients.
http::Task<void> Conversation::hide_refusal(const http::ResponseHead& head) {
  const int status = head.status;
  const std::optional<Duration> again_after = retry_after(head);
  std::string text = co_await refusal_text();
  if (is_cut()) co_return co_await fail({Code::upstream_failed, text, {}});
  lease_.finish(outcome_of(status));
  text.resize(std::min(text.size(), kRefusalLogged));
  parts_.log.warning("request {}: model \"{}\" answered with status {}: {}", reply_.id(), model_, status, text);
  Fault fault(Error{status == 503 ? Code::unavailable : Code::upstream_failed,
                    std::format("model \"{}\" failed: it answered with status {}", model_, status), std::move(text)});
  fault.retry_after = again_after;
  co_await reply_.error(std::move(fault));
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
  struct Watched final : http::Tap {
    explicit Watched(Conversation& of) : conversation(of) {}
    void on_bytes(std::string_view bytes) override {
      boundary.on_bytes(bytes);
      conversation.note_progress();
    }
    Conversation& conversation;
    EventBoundary boundary;
  } watched(*this);
  std::string_view lines = reply_.lines();
  std::string advised;
  if (status == kNotImplemented) lines = advised.append(lines).append("x-should-retry: false\r\n");
  const http::RelayOutcome outcome = co_await http::relay(reply_.exchange(), call_, {.extra = lines, .tap = &watched});
  switch (outcome.end) {
    case http::RelayEnd::finished: lease_.finish(outcome_of(status)); co_return;
    case http::RelayEnd::client_gone: co_return;
    case http::RelayEnd::broken:
    case http::RelayEnd::stopped: break;
  }
  // Half an event cannot be taken back, but it can be ended.
  if (reply_.exchange().appendable() && reply_.in_events() && !watched.boundary.between_events()) {
    if (co_await reply_.exchange().write("\n\n") == http::Delivery::client_gone) co_return;
  }
  co_await fail(outcome.error);
}

}  // namespace rouse::api
