#include "api/health.hpp"

#include <format>

#include "api/admin_shapes.hpp"
#include "base/version.hpp"

namespace rouse::api {

http::Task<void> health_live(const Parts&, Reply& reply, std::string_view) {
  co_await reply.json(200, R"({"status":"live"})");
}

http::Task<void> health_ready(const Parts& parts, Reply& reply, std::string_view) {
  if (!parts.daemon.accepting()) co_return co_await reply.json(503, R"({"status":"shutting down"})");
  co_await reply.json(200, R"({"status":"ready"})");
}

http::Task<void> health_load(const Parts& parts, Reply& reply, std::string_view) {
  const std::vector<std::string> stuck = parts.daemon.stuck();
  co_await reply.json(stuck.empty() ? 200 : 503, health_json(stuck));
}

http::Task<void> welcome(const Parts&, Reply& reply, std::string_view) {
  co_await reply.text(200, std::format(R"(Rouse {}

  /v1/models              the models, for clients of OpenAI's interface
  /v1/chat/completions    ask one; it is loaded when somebody asks for it
  /v1/messages            the same, for clients of Anthropic's interface
  /rouse/v1/models        what each of them is doing now
  /rouse/v1/devices       who holds how much memory
  /rouse/v1/requests      who waits, and who is being answered
  /rouse/v1/events        what happens, as it happens
  /metrics                for Prometheus
  /openapi.json           what all of this is, for programs
  /health/ready           for probes
)",
                                       version()));
}

}  // namespace rouse::api
