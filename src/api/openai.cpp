#include "api/openai.hpp"

#include <array>
#include <format>

#include "api/anthropic.hpp"
#include "api/inference.hpp"
#include "api/openai_shapes.hpp"

namespace rouse::api {
namespace {

std::string error_body(const Fault& fault, std::string_view) { return openai_error(fault); }
std::string error_event(const Fault& fault, std::string_view) {
  return std::format("data: {}\n\n", openai_error(fault));
}

}  // namespace

constinit const Dialect kOpenAi{error_body, error_event};

http::Task<void> openai_models(const Parts& parts, Reply& reply, std::string_view) {
  if (speaks_anthropic(reply.request())) co_return co_await anthropic_models(parts, reply);
  co_await reply.json(200, openai_model_list(parts.daemon.models(), parts.since));
}

http::Task<void> openai_model(const Parts& parts, Reply& reply, std::string_view id) {
  if (speaks_anthropic(reply.request())) co_return co_await anthropic_model(parts, reply, id);
  const auto found = parts.daemon.find(id);
  if (!found) co_return co_await reply.error(Fault(found.error(), "model"));
  co_await reply.json(200, openai_model_card(id, parts.since));
}

http::Task<void> openai_chat(const Parts& parts, Reply& reply, std::string_view) {
  static constexpr std::array kArrays{ArrayMember{"messages", Presence::required, "role"},
                                      ArrayMember{"tools", Presence::optional, "type"}};
  return infer(parts, reply, {Streams::if_asked, AnswerForm::chat, kArrays});
}

http::Task<void> openai_completions(const Parts& parts, Reply& reply, std::string_view) {
  return infer(parts, reply, {Streams::if_asked, AnswerForm::completion});
}

http::Task<void> openai_responses(const Parts& parts, Reply& reply, std::string_view) {
  static constexpr std::array kArrays{ArrayMember{"tools", Presence::optional}};
  return infer(parts, reply, {Streams::if_asked, AnswerForm::response, kArrays});
}

http::Task<void> openai_answer(const Parts& parts, Reply& reply, std::string_view) { return infer(parts, reply, {}); }

http::Task<void> openai_answer_or_stream(const Parts& parts, Reply& reply, std::string_view) {
  return infer(parts, reply, {Streams::if_asked});
}

}  // namespace rouse::api
