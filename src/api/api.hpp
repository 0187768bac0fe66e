// The server's handler: checks where a request comes from, finds the route, and lets its handler answer.
//
//   api.cpp         the table of all routes
//   inference.cpp   the path of a request that a model answers
//   deadline.cpp    how a deadline ends its answer with what there is
//   openai.cpp      OpenAI's dialect          anthropic.cpp    Anthropic's
//   admin.cpp       our own, /rouse/v1/       logs.cpp         what workers wrote
//   health.cpp      for probes
//
// Owned by main; outlives the server. Owner thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/access.hpp"
#include "api/parts.hpp"
#include "http/exchange.hpp"

namespace rouse::api {

class Api final : public http::Handler {
 public:
  // `hosts`: the names we are bound to, see Access.
  Api(Parts parts, std::vector<std::string> hosts);

  http::Task<void> handle(http::Exchange& exchange) override;

 private:
  Parts parts_;
  Access access_;
  std::uint64_t next_id_;
};

}  // namespace rouse::api
