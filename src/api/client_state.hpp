// What is kept of a client from one request on its connection to the next.
#pragma once

#include <memory>

#include "api/keyring.hpp"
#include "http/call.hpp"
#include "http/exchange.hpp"

namespace rouse::api {

struct ClientState {
  KnownHash hash = {};
  std::shared_ptr<http::LinkOwner> links = {};  // its own to applications, once it has used one; std::any wants copies
};

inline ClientState& client_state(const http::Exchange& exchange) {
  if (auto* state = std::any_cast<ClientState>(&exchange.kept())) return *state;
  return exchange.kept().emplace<ClientState>();
}

}  // namespace rouse::api
