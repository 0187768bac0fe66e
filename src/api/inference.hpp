// The path of a request that a model answers, the same for every dialect (docs: ARCHITECTURE.md).
//
//   body → which model, which options → ticket … (it loads; a streaming client hears of it) → lease
//        → relay to the worker, byte for byte → finish
#pragma once

#include <cstdint>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

// Whether the route can answer with server-sent events when its body says `"stream": true`.
enum class Streams : std::uint8_t { no, if_asked };

http::Task<void> infer(const Parts& parts, Reply& reply, Streams streams);

}  // namespace rouse::api
