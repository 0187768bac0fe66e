#include "api/anthropic.hpp"

#include <array>
#include <charconv>
#include <format>

#include "api/anthropic_shapes.hpp"
#include "api/inference.hpp"
#include "api/route.hpp"

namespace rouse::api {
namespace {

std::string error_body(const Fault& fault, std::string_view request_id) {
  return anthropic_error(fault.status(), fault.error.message, request_id);
}

std::string error_event(const Fault& fault, std::string_view request_id) {
  return std::format("event: error\ndata: {}\n\n", error_body(fault, request_id));
}

constexpr std::array kArrays{ArrayMember{"messages", Presence::required, "role"},
                             ArrayMember{"tools", Presence::optional}};

Result<ModelPage> read_page(std::string_view query) {
  ModelPage page{.before = query_value(query, "before_id"), .after = query_value(query, "after_id")};
  if (const auto limit = query_value(query, "limit")) {
    const char* end = limit->data() + limit->size();
    const auto [stop, wrong] = std::from_chars(limit->data(), end, page.limit);
    if (wrong != std::errc() || stop != end || page.limit < 1 || page.limit > ModelPage::kMost)
      return fail(Code::malformed, std::format("\"limit\" must be a number from 1 to {}", ModelPage::kMost));
  }
  if (page.before && page.after)
    return fail(Code::malformed, "\"before_id\" and \"after_id\" cannot be asked for together");
  return page;
}

}  // namespace

constinit const Dialect kAnthropic{
    .error_body = error_body, .error_event = error_event, .engine_error = anthropic_error, .id_header = "request-id"};

bool speaks_anthropic(const http::RequestHead& head) { return head.field("Anthropic-Version").has_value(); }

http::Task<void> anthropic_messages(const Parts& parts, Reply& reply, std::string_view) {
  return infer(parts, reply, {Streams::if_asked, AnswerForm::message, kArrays});
}

http::Task<void> anthropic_count_tokens(const Parts& parts, Reply& reply, std::string_view) {
  return infer(parts, reply, {.arrays = kArrays});
}

http::Task<void> anthropic_models(const Parts& parts, Reply& reply) {
  reply.use(kAnthropic);
  const auto page = read_page(reply.exchange().query());
  if (!page) co_return co_await reply.error(page.error());
  auto list = anthropic_model_list(parts.daemon.models(), parts.since, *page);
  if (!list) co_return co_await reply.error(std::move(list.error()));
  co_await reply.json(200, std::move(*list));
}

http::Task<void> anthropic_model(const Parts& parts, Reply& reply, std::string_view id) {
  reply.use(kAnthropic);
  const auto found = parts.daemon.find(id);
  if (!found) co_return co_await reply.error(Fault(found.error(), "model"));
  co_await reply.json(200, anthropic_model_card(id, parts.since));
}

}  // namespace rouse::api
