#include "api/api.hpp"

#include <array>
#include <format>
#include <random>

#include "api/admin.hpp"
#include "api/health.hpp"
#include "api/logs.hpp"
#include "api/openai.hpp"
#include "api/reply.hpp"
#include "api/route.hpp"

namespace rouse::api {
namespace {

constexpr std::array kRoutes{
    Route{"POST", "/v1/chat/completions", Guard::acts, &kOpenAi, openai_chat},
    Route{"POST", "/v1/completions", Guard::acts, &kOpenAi, openai_completions},
    Route{"POST", "/v1/embeddings", Guard::acts, &kOpenAi, openai_embeddings},
    Route{"GET", "/v1/models", Guard::reads, &kOpenAi, openai_models},
    Route{"GET", "/v1/models/{id}", Guard::reads, &kOpenAi, openai_model},

    Route{"GET", "/rouse/v1/models", Guard::reads, &kAdmin, admin_models},
    Route{"GET", "/rouse/v1/models/{id}", Guard::reads, &kAdmin, admin_model},
    Route{"POST", "/rouse/v1/models/{id}/load", Guard::acts, &kAdmin, admin_load},
    Route{"POST", "/rouse/v1/models/{id}/unload", Guard::acts, &kAdmin, admin_unload},
    Route{"POST", "/rouse/v1/models/{id}/pin", Guard::acts, &kAdmin, admin_pin},
    Route{"POST", "/rouse/v1/models/{id}/unpin", Guard::acts, &kAdmin, admin_unpin},
    Route{"GET", "/rouse/v1/models/{id}/logs", Guard::reads, &kAdmin, admin_logs},
    Route{"GET", "/rouse/v1/devices", Guard::reads, &kAdmin, admin_devices},

    Route{"GET", "/health/live", Guard::none, &kAdmin, health_live},
    Route{"GET", "/health/ready", Guard::none, &kAdmin, health_ready},
    Route{"GET", "/", Guard::reads, &kAdmin, welcome},
};

}  // namespace

Api::Api(Parts parts, std::vector<std::string> hosts)
    : parts_(std::move(parts)), access_(std::move(hosts)), next_id_(std::random_device{}()) {
  next_id_ <<= 32;
}

http::Task<void> Api::handle(http::Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const bool openai = head.path.starts_with("/v1/");
  Reply reply(exchange, openai ? kOpenAi : kAdmin, request_id(head, next_id_++));

  const auto matched = match(kRoutes, head.method, head.path);
  if (!matched || matched->route->guard != Guard::none) {
    if (auto allowed = access_.check(head, exchange.peer()); !allowed) {
      co_return co_await reply.error(std::move(allowed.error()));
    }
  }
  if (!matched) {
    if (!matched.error().allow.empty()) co_return co_await reply.method_not_allowed(matched.error().allow);
    co_return co_await reply.error(
        Error{Code::not_found, "there is nothing at this path; see / for what there is", {}});
  }
  const Route& route = *matched->route;
  reply.use(*route.dialect);
  if (route.guard == Guard::acts) {
    if (auto json = require_json(head); !json) co_return co_await reply.error(std::move(json.error()));
  }
  const auto id = percent_decoded(matched->id);
  if (!id) co_return co_await reply.error(Error{Code::malformed, "the path holds a broken percent-escape", {}});
  co_await route.run(parts_, reply, *id);
}

}  // namespace rouse::api
