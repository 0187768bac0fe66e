// The path of a request that a model answers, the same for every dialect (docs: ARCHITECTURE.md).
//
//   body → which model, which options → ticket … (it loads; a streaming client hears of it) → lease
//        → relay to the worker, byte for byte → finish
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "api/partial_answer.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "api/request_body.hpp"
#include "http/task.hpp"

namespace rouse::api {

// Whether the route can answer with server-sent events when its body says `"stream": true`.
enum class Streams : std::uint8_t { no, if_asked };

// What a route's requests and answers look like.
struct Shape {
  Streams streams = Streams::no;
  // Of an answer that can be put together from a stream. The engine is asked for one when the client names a deadline,
  // so that the answer can be ended early, and when it would not stop otherwise when the client leaves.
  std::optional<AnswerForm> answer = {};
  std::span<const ArrayMember> arrays = {};  // in the body, if that is JSON
};

http::Task<void> infer(const Parts& parts, Reply& reply, Shape shape);

}  // namespace rouse::api
