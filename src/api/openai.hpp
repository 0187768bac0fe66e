// OpenAI's dialect: its errors, its list of models, and the routes that a model answers. Owner thread.
#pragma once

#include <string_view>

#include "api/dialect.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

// {"error":{"message","type","param","code"}}. In a stream, the same object as data: and then the end, without [DONE]:
// the clients raise at the error, and one that overlooks it must not take the answer for a whole one.
extern const Dialect kOpenAi;

http::Task<void> openai_models(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> openai_model(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> openai_chat(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> openai_completions(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> openai_responses(const Parts& parts, Reply& reply, std::string_view);
// Whatever else names a model in its body: relayed to that model's engine, which knows the path.
http::Task<void> openai_answer(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> openai_answer_or_stream(const Parts& parts, Reply& reply, std::string_view);  // "stream": true

}  // namespace rouse::api
