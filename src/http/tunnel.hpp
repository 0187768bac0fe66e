// When an upstream has agreed to switch protocols (101), to WebSocket above all: the answer's head, and then bytes both
// ways, as they come, until either side closes. What they mean is nobody's business here.
#pragma once

#include "http/relay.hpp"

namespace rouse::http {

// Instead of relay(), when the answer's status is 101. The client's connection closes with the handler's return.
Task<RelayOutcome> tunnel(Exchange& exchange, Call& call);

}  // namespace rouse::http
