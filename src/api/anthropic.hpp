// Anthropic's dialect: its errors, its list of models, and the routes that a model answers. Engines speak it themselves
// (llama-server does), but for their errors, which are put into its shape. Owner thread.
#pragma once

#include <string_view>

#include "api/dialect.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/head.hpp"
#include "http/task.hpp"

namespace rouse::api {

// {"type":"error","error":{"type","message"},"request_id"}; in a stream the same as `event: error`, and then the end.
extern const Dialect kAnthropic;

// Its clients name the version of its interface that they were written for, in every request.
bool speaks_anthropic(const http::RequestHead& head);

http::Task<void> anthropic_messages(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> anthropic_count_tokens(const Parts& parts, Reply& reply, std::string_view);
// GET /v1/models and /v1/models/{id} for its clients; the paths are OpenAI's too.
http::Task<void> anthropic_models(const Parts& parts, Reply& reply);
http::Task<void> anthropic_model(const Parts& parts, Reply& reply, std::string_view id);

}  // namespace rouse::api
