#include "api/api.hpp"

#include <array>
#include <format>
#include <random>
#include <utility>

#include "api/access_log.hpp"
#include "api/admin.hpp"
#include "api/anthropic.hpp"
#include "api/application.hpp"
#include "api/client_state.hpp"
#include "api/events.hpp"
#include "api/health.hpp"
#include "api/logs.hpp"
#include "api/metrics.hpp"
#include "api/openai.hpp"
#include "api/openapi.hpp"
#include "api/reply.hpp"
#include "api/reservations.hpp"
#include "api/route.hpp"

namespace rouse::api {
namespace {

constexpr std::array kRoutes{
    Route{"POST", "/v1/chat/completions", Guard::acts, &kOpenAi, openai_chat},
    Route{"POST", "/v1/completions", Guard::acts, &kOpenAi, openai_completions},
    Route{"POST", "/v1/responses", Guard::acts, &kOpenAi, openai_responses},
    Route{"POST", "/v1/responses/input_tokens", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/embeddings", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/rerank", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/reranking", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/moderations", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/audio/speech", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/v1/audio/transcriptions", Guard::takes, &kOpenAi, openai_answer_or_stream},
    Route{"POST", "/v1/audio/translations", Guard::takes, &kOpenAi, openai_answer},
    Route{"POST", "/v1/images/generations", Guard::acts, &kOpenAi, openai_answer_or_stream},
    Route{"POST", "/v1/images/edits", Guard::takes, &kOpenAi, openai_answer_or_stream},
    Route{"POST", "/v1/images/variations", Guard::takes, &kOpenAi, openai_answer},
    Route{"POST", "/v1/messages", Guard::acts, &kAnthropic, anthropic_messages},
    Route{"POST", "/v1/messages/count_tokens", Guard::acts, &kAnthropic, anthropic_count_tokens},

    // llama-server's own, for what was made for its router.
    Route{"POST", "/completion", Guard::acts, &kOpenAi, openai_answer_or_stream},
    Route{"POST", "/infill", Guard::acts, &kOpenAi, openai_answer_or_stream},
    Route{"POST", "/tokenize", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/detokenize", Guard::acts, &kOpenAi, openai_answer},
    Route{"POST", "/apply-template", Guard::acts, &kOpenAi, openai_answer},

    Route{"GET", "/v1/models", Guard::reads, &kOpenAi, openai_models},
    Route{"GET", "/v1/models/{id}", Guard::reads, &kOpenAi, openai_model},

    Route{"GET", "/rouse/v1/models", Guard::reads, &kAdmin, admin_models, config::Role::use},
    Route{"GET", "/rouse/v1/models/{id}", Guard::reads, &kAdmin, admin_model, config::Role::use},
    Route{"POST", "/rouse/v1/models/{id}/load", Guard::acts, &kAdmin, admin_load},
    Route{"POST", "/rouse/v1/models/{id}/unload", Guard::acts, &kAdmin, admin_unload},
    Route{"POST", "/rouse/v1/models/{id}/pin", Guard::acts, &kAdmin, admin_pin},
    Route{"POST", "/rouse/v1/models/{id}/trim", Guard::acts, &kAdmin, admin_trim},
    Route{"DELETE", "/rouse/v1/models/{id}/learnt", Guard::acts, &kAdmin, admin_forget},
    Route{"POST", "/rouse/v1/models/{id}/unpin", Guard::acts, &kAdmin, admin_unpin},
    Route{"GET", "/rouse/v1/models/{id}/logs", Guard::reads, &kAdmin, admin_logs},
    Route{"*", "/rouse/v1/models/{id}/app/{rest}", Guard::passes, &kAdmin, application, config::Role::use},
    Route{"*", "/rouse/v1/models/{id}/app", Guard::reads, &kAdmin, application_slash, config::Role::use},
    Route{"GET", "/rouse/v1/devices", Guard::reads, &kAdmin, admin_devices, config::Role::use},
    Route{"GET", "/rouse/v1/requests", Guard::reads, &kAdmin, admin_requests},
    Route{"DELETE", "/rouse/v1/requests/{id}", Guard::acts, &kAdmin, admin_cancel},
    Route{"GET", "/rouse/v1/reservations", Guard::reads, &kAdmin, reservations},
    Route{"POST", "/rouse/v1/reservations", Guard::acts, &kAdmin, reserve},
    Route{"DELETE", "/rouse/v1/reservations/{id}", Guard::acts, &kAdmin, end_reservation},
    Route{"GET", "/rouse/v1/events", Guard::reads, &kAdmin, events},
    Route{"POST", "/rouse/v1/reload", Guard::acts, &kAdmin, admin_reload},

    Route{"GET", "/health/live", Guard::none, &kAdmin, health_live},
    Route{"GET", "/health/load", Guard::none, &kAdmin, health_load},
    Route{"GET", "/health/ready", Guard::none, &kAdmin, health_ready},
    Route{"GET", "/openapi.json", Guard::reads, &kAdmin, openapi},
    Route{"GET", "/metrics", Guard::reads, &kAdmin, metrics},
    Route{"GET", "/", Guard::reads, &kAdmin, welcome},
};

// Whose errors a request is answered with until its route is found.
const Dialect& dialect_of(const http::RequestHead& head) {
  if (!head.path.starts_with("/v1/")) return kAdmin;
  const bool anthropic = head.path.starts_with("/v1/messages") || head.path.starts_with("/v1/models");
  return anthropic && (speaks_anthropic(head) || head.path.starts_with("/v1/messages")) ? kAnthropic : kOpenAi;
}

Result<void> check_content_type(const http::RequestHead& head, Guard guard) {
  switch (guard) {
    case Guard::none:
    case Guard::reads:
    case Guard::passes: return {};
    case Guard::acts: return require_json(head);
    case Guard::takes: return require_json_or_form(head);
  }
  std::unreachable();
}

// By the key's limits.
bool is_limited(Guard guard) { return guard == Guard::acts || guard == Guard::takes || guard == Guard::passes; }

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Api::Api(Parts parts, std::vector<std::string> hosts, std::vector<config::Key> keys)
    : parts_(std::move(parts)), access_(std::move(hosts)), keyring_(std::move(keys)), next_id_(std::random_device{}()) {
  next_id_ <<= 32;
}

void Api::reconfigure(Duration deadline, AccessLog access_log, std::chrono::system_clock::time_point now) {
  parts_.access_log = access_log;
  parts_.deadline = deadline;
  parts_.since = now;
}

void Api::admit(std::vector<std::string> hosts, std::vector<config::Key> keys) {
  access_ = Access(std::move(hosts));
  keyring_.replace(std::move(keys));
}

http::Task<void> Api::handle(http::Exchange& exchange) { return answer(exchange, Door::public_); }

// Without a head nobody knows the path that was meant, and so the dialect: OpenAI's is the one that most can read.
http::Handler::Refusal Api::refusal(const Unanswered& what) {
  const http::RequestHead* request = what.request;
  const std::string id = request_id(request ? *request : http::RequestHead(), next_id_++);
  if (!request) log_refused_head(parts_, what, id);
  const Dialect& dialect = request ? dialect_of(*request) : kOpenAi;
  return {.lines = "Content-Type: application/json\r\n" + answer_lines(dialect, id, {}),
          .body = dialect.error_body(what.error, id) + '\n'};
}

http::Task<void> Api::at_home(http::Exchange& exchange, std::string model) {
  const http::RequestHead& head = exchange.request();
  Reply reply(exchange, kAdmin, request_id(head, next_id_++));
  const AccessLine line(parts_, reply);
  if (auto allowed = access_.check(head, exchange.peer()); !allowed) {
    co_return co_await reply.error(std::move(allowed.error()));
  }
  reply.caller = keyring_.passer_by(exchange.peer());
  co_await application_at_home(parts_, reply, model);
}

http::Task<void> Api::answer(http::Exchange& exchange, Door door) {
  const http::RequestHead& head = exchange.request();
  Reply reply(exchange, dialect_of(head), request_id(head, next_id_++));
  const AccessLine line(parts_, reply);

  const auto matched = match(kRoutes, head.method, head.path);
  if (!matched || matched->route->guard != Guard::none) {
    if (auto allowed = access_.check(head, exchange.peer()); !allowed) {
      co_return co_await reply.error(std::move(allowed.error()));
    }
    auto caller = door == Door::owner ? Result<Caller>(Keyring::owner())
                                      : keyring_.identify(head, exchange.peer(), client_state(exchange).hash);
    if (!caller) co_return co_await reply.error(std::move(caller.error()));
    reply.caller = std::move(*caller);
  }
  if (!matched) {
    if (!matched.error().allow.empty()) co_return co_await reply.method_not_allowed(matched.error().allow);
    co_return co_await reply.error(
        Error{Code::not_found, "there is nothing at this path; see / for what there is", {}});
  }
  const Route& route = *matched->route;
  reply.use(*route.dialect);
  if (route.needs() == config::Role::admin && !reply.caller.is_admin()) {
    co_return co_await reply.error(
        Error{Code::forbidden, "this key may use models, not steer them; that takes one with role: admin", {}});
  }
  if (auto type = check_content_type(head, route.guard); !type) co_return co_await reply.error(std::move(type.error()));
  KeyLease lease;
  if (is_limited(route.guard)) {
    auto begun = Keyring::begin(reply.caller, exchange.arrived());
    if (!begun) co_return co_await reply.error(std::move(begun.error()));
    lease = std::move(*begun);
  }
  const auto id = percent_decoded(matched->id);
  if (!id) co_return co_await reply.error(Error{Code::malformed, "the path holds a broken percent-escape", {}});
  co_await route.run(parts_, reply, *id);
}

}  // namespace rouse::api
