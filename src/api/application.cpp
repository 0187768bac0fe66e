#include "api/application.hpp"

#include <format>
#include <optional>
#include <string>

#include "api/client_state.hpp"
#include "api/engine_fault.hpp"
#include "api/fallback.hpp"
#include "api/visit.hpp"
#include "api/waiting_page.hpp"
#include "http/tunnel.hpp"

namespace rouse::api {
namespace {

// An application that wakes faster than this needs no page in between.
constexpr Duration kPageAfter = std::chrono::milliseconds(400);

// What the application is asked, and how.
struct Asked {
  ModelId model;
  std::string target;
  std::string lines = {};  // header lines of ours, each ended by CRLF
  std::optional<TimePoint> deadline = {};
  daemon::RequestOptions options = {};
};

std::string_view upgrade_of(const http::RequestHead& head) {
  if (!http::has_token(head.field("Connection").value_or(""), "upgrade")) return {};
  return head.field("Upgrade").value_or("");
}

// Waits for the lease; a browser sees how far it is. False: it has been answered, or has left.
http::Task<bool> wait(const Parts& parts, Reply& reply, const Asked& asked, daemon::Ticket& ticket) {
  const auto wakes = [&] {
    const core::Stage stage = parts.daemon.stage(asked.model);
    return stage != core::Stage::ready && stage != core::Stage::draining;
  };
  const bool page = wants_page(reply.request());
  while (!co_await ticket.settled_by(page ? later(reply.exchange().arrived(), kPageAfter) : kNever)) {
    if (!page) continue;
    if (!wakes()) {
      while (!co_await ticket.settled_by(kNever)) continue;
      break;
    }
    const std::string text = waiting_page(parts.daemon.name_of(asked.model), parts.daemon.progress(asked.model));
    parts.daemon.keep_waiting(std::move(ticket));  // the browser comes back
    co_await reply.send(503, "text/html; charset=utf-8", text, kWaitingLines);
    co_return false;
  }
  co_return true;
}

const http::LinkOwner& own_links(const Parts& parts, const http::Exchange& exchange) {
  auto& links = client_state(exchange).links;
  if (!links) links = std::make_shared<http::LinkOwner>(parts.upstreams);
  return *links;
}

class PageVisit : private Visit {
 public:
  PageVisit(const Parts& parts, Reply& reply, daemon::Lease& lease, const Asked& asked)
      : Visit(parts, reply, lease, asked.deadline), asked_(asked) {}

  // True when nobody has seen the request, see another_may_answer().
  http::Task<bool> run(std::string_view body);

 private:
  http::Task<void> answer(int status);

  const Asked& asked_;
};

http::Task<bool> PageVisit::run(std::string_view body) {
  const http::RequestHead& request = reply_.request();
  // Who showed a key to us did not show it to the application.
  const auto own = reply_.caller.key.empty() ? http::Credentials::forward : http::Credentials::drop;
  const auto head = co_await call_.send({.method = request.method,
                                         .target = asked_.target,
                                         .host = request.host,
                                         .fields = request.fields,
                                         .extra = asked_.lines,
                                         .body = body,
                                         .connect_time = lease_.upstream().connect_time,
                                         .upgrade = upgrade_of(request),
                                         .owner = &own_links(parts_, reply_.exchange()),
                                         .passing = http::Passing::everything,
                                         .authorization = own,
                                         .cookies = http::Credentials::forward});
  if (!head) {
    if (co_await another_may_answer()) co_return true;
    // A client that uses its connections again knows how to begin anew, as it would without us between.
    if (call_.met_the_end() && !co_await lease_.worker_gone_by(later(parts_.clock.now(), kEndNoticed))) {
      lease_.finish(core::Outcome::failed);
      reply_.exchange().hang_up();
      co_return false;
    }
    co_await fail(head.error());
    co_return false;
  }
  note_head();
  reply_.served_by = lease_.entry();
  co_await answer((*head)->status);
  co_return false;
}

http::Task<void> PageVisit::answer(int status) {
  constexpr int kSwitching = 101;
  if (status == kSwitching) lease_.is_open_ended();
  // An application's own answers stay as they are.
  const bool stands_in = reply_.served_by->id != reply_.model;
  const std::string_view by = stands_in ? std::string_view(reply_.served_by->served_by) : std::string_view();
  const http::RelayOutcome outcome =
      status == kSwitching
          ? co_await http::tunnel(reply_.exchange(), call_)
          : co_await http::relay(reply_.exchange(), call_, {.extra = by, .passing = http::Passing::everything});
  switch (outcome.end) {
    case http::RelayEnd::finished: co_return lease_.finish(outcome_of(status));
    case http::RelayEnd::client_gone:
      if (status == kSwitching) lease_.finish(core::Outcome::ok);  // one of both sides is always the first to close
      co_return;
    case http::RelayEnd::broken:
    case http::RelayEnd::stopped: co_return co_await fail(outcome.error);
  }
}

// Waits for a worker and has it answer. Whoever calls it answers what was refused or passed on.
http::Task<Turn> take_turn(const Parts& parts, Reply& reply, const Asked& asked, std::string_view body,
                           std::optional<Fault>& fault) {
  const TimePoint begun = parts.clock.now();
  auto ticket = co_await parts.daemon.request(asked.model, asked.options);
  if (!ticket) co_return refused(std::move(ticket.error()), fault);
  if (!co_await wait(parts, reply, asked, *ticket)) co_return Turn::over;
  reply.timing.wait(parts.clock.now() - begun, ticket->waited().load);
  auto lease = ticket->take();
  if (!lease) co_return refused(*ticket, std::move(lease.error()), parts.clock.now(), fault);
  PageVisit visit(parts, reply, *lease, asked);
  co_return co_await visit.run(body) ? Turn::again : Turn::over;
}

// Only applications stand in for one: another server would be shown its cookies.
Result<void> check_is_application(const daemon::Daemon& daemon, ModelId model) {
  const std::string_view engine = daemon.entry(model).engine->name;
  if (engine == "command") return {};
  return fail(Code::conflict,
              std::format("model \"{}\" is no application: its engine is {}; those with engine: command are",
                          daemon.name_of(model), engine));
}

http::Task<void> answer_with_fallbacks(const Parts& parts, Reply& reply, const Asked& first, std::string_view body) {
  Fallback fallback(parts, first.model, first.options.patience, *first.options.deadline);
  while (const auto model = fallback.next()) {
    const auto fits = *model == first.model ? Result<void>() : check_is_application(parts.daemon, *model);
    if (!fits) {
      fallback.failed(fits.error());
      continue;
    }
    Asked asked = first;
    asked.model = *model;
    fallback.fit(asked.options);
    std::optional<Fault> fault;
    Turn turn = Turn::again;
    while (turn == Turn::again) turn = co_await take_turn(parts, reply, asked, body, fault);
    if (turn == Turn::over) co_return;
    fallback.failed(std::move(*fault));
    if (turn == Turn::refused) break;
  }
  co_await reply.error(fallback.told());
}

http::Task<void> pass_on(const Parts& parts, Reply& reply, std::string_view id, std::string target, std::string lines) {
  const http::RequestHead& head = reply.request();
  if (wants_page(head)) reply.use(kPages);
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  reply.model = *model;
  if (auto fits = check_is_application(parts.daemon, *model); !fits)
    co_return co_await reply.error(std::move(fits.error()));
  if (head.field(kProgressField)) {
    const daemon::ModelStatus status = parts.daemon.model(*model);
    const bool sleeps =
        (status.stage == core::Stage::cold || status.stage == core::Stage::asleep) && status.waiting == 0;
    const bool done = status.stage == core::Stage::ready && status.waiting == 0;
    const std::string progress = done || sleeps ? std::string(core::name(status.stage)) : parts.daemon.progress(*model);
    co_return co_await reply.json(200, progress_json(status, progress));
  }
  const auto wishes = read_lifecycle_options(head);
  if (!wishes) co_return co_await reply.error(wishes.error());
  const auto body = co_await reply.exchange().read_body();
  if (!body) co_return co_await reply.error(body.error());

  Asked asked{.model = *model,
              .target = std::move(target),
              .lines = std::move(lines),
              .options = options_of(parts, reply, *wishes)};
  if (wishes->deadline) asked.deadline = asked.options.deadline;
  if (has_fallbacks(parts.daemon.entry(*model).model))
    co_return co_await answer_with_fallbacks(parts, reply, asked, *body);
  std::optional<Fault> fault;
  Turn turn = Turn::again;
  while (turn == Turn::again) turn = co_await take_turn(parts, reply, asked, *body, fault);
  if (turn != Turn::over) co_await reply.error(std::move(*fault));
}

constexpr std::string_view kModels = "/rouse/v1/models/";
constexpr std::string_view kApp = "/app";

}  // namespace

http::Task<void> application(const Parts& parts, Reply& reply, std::string_view id) {
  const std::string_view target = reply.request().target;
  const std::size_t split = target.find("/app/", kModels.size() + 1) + kApp.size();
  // So that the application can write links that lead back to it.
  std::string lines = std::format("X-Forwarded-Prefix: {}\r\n", target.substr(0, split));
  co_await pass_on(parts, reply, id, std::string(target.substr(split)), std::move(lines));
}

http::Task<void> application_slash(const Parts&, Reply& reply, std::string_view) {
  const http::RequestHead& head = reply.request();
  const std::string query = head.query.empty() ? "" : std::format("?{}", head.query);
  co_await reply.send(308, "text/plain; charset=utf-8", "the application begins behind the slash\n",
                      std::format("Location: {}/{}\r\n", head.path, query));
}

http::Task<void> application_at_home(const Parts& parts, Reply& reply, std::string_view id) {
  co_await pass_on(parts, reply, id, std::string(reply.request().target), {});
}

}  // namespace rouse::api
