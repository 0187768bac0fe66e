// The server's handler: checks where a request comes from and by whose key, finds the route, and lets its handler
// answer.
//
//   api.cpp         the table of all routes
//   inference.cpp   the path of a request that a model answers
//   fallback.cpp    who is asked when that model cannot
//   conversation.cpp  its time with a worker
//   deadline.cpp    how a deadline ends its answer with what there is
//   application.cpp the path of a request to a program's own pages
//   openai.cpp      OpenAI's dialect          anthropic.cpp    Anthropic's
//   admin.cpp       our own, /rouse/v1/       logs.cpp         what workers wrote
//   health.cpp      for probes
//
// Owned by main; outlives the server. Owner thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.hpp"
#include "api/keyring.hpp"
#include "api/parts.hpp"
#include "api/route.hpp"
#include "http/exchange.hpp"

namespace rouse::api {

// Every route there is.
std::span<const Route> routes();

class Api final : public http::Handler {
 public:
  // `hosts`: the names we are reached by, see Access.
  Api(Parts parts, std::vector<std::string> hosts, std::vector<config::Key> keys);

  // From the next request on.
  void admit(std::vector<std::string> hosts, std::vector<config::Key> keys);

  http::Task<void> handle(http::Exchange& exchange) override;
  Refusal refusal(const Unanswered& what) override;

  // For a listener that nobody but our own user can reach: whoever comes in there is an administrator, without a key.
  http::Handler& owner_door() { return owner_door_; }
  // Of an application's own address: everything there is passed on to it. Nobody shows a key, see docs/security.md.
  http::Task<void> at_home(http::Exchange& exchange, std::string model);

  // Another configuration has been read, now.
  void reconfigure(Duration deadline, AccessLog access_log, std::chrono::system_clock::time_point now);

 private:
  enum class Door : std::uint8_t { public_, owner };

  class OwnerDoor final : public http::Handler {
   public:
    explicit OwnerDoor(Api& api) : api_(api) {}
    http::Task<void> handle(http::Exchange& exchange) override { return api_.answer(exchange, Door::owner); }
    Refusal refusal(const Unanswered& what) override { return api_.refusal(what); }

   private:
    Api& api_;
  };

  http::Task<void> answer(http::Exchange& exchange, Door door);

  Parts parts_;
  Access access_;
  Keyring keyring_;
  std::uint64_t next_id_;
  OwnerDoor owner_door_{*this};
};

}  // namespace rouse::api
