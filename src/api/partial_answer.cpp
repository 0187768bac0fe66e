#include "api/partial_answer.hpp"

#include <array>
#include <format>
#include <utility>

#include "api/json_scan.hpp"
#include "api/partial_forms.hpp"

namespace rouse::api {
namespace {

void set_member(std::string_view name, const Member& place, std::string_view value, RequestBody& request) {
  if (place.found()) return request.edits.replace({place.value, place.end}, std::string(value));
  request.edits.add_member(request.front, std::format("\"{}\":{}", name, value));
}

bool says_true(std::string_view object, std::string_view name) {
  std::array wanted{Wanted{name}};
  return scan_object(object, wanted) && wanted[0].member.found() && wanted[0].member.value_in(object) == "true";
}

}  // namespace

std::unique_ptr<PartialAnswer> begin_partial_answer(AnswerForm form, Usage usage) {
  switch (form) {
    case AnswerForm::chat:
    case AnswerForm::completion: return begin_openai_answer(usage);
    case AnswerForm::message: return begin_anthropic_answer();
    case AnswerForm::response: return begin_responses_answer();
  }
  std::unreachable();
}

Usage ask_for_stream(AnswerForm form, std::string_view body, std::string_view counts, RequestBody& request) {
  std::array wanted{Wanted{"stream"}, Wanted{"stream_options"}, Wanted{counts}};
  if (!scan_object(body, std::span(wanted).first(counts.empty() ? 2 : 3))) return Usage::unasked;  // it was read before
  const auto& [stream, options, counting] = wanted;
  if (!request.stream) set_member("stream", stream.member, "true", request);
  if (form == AnswerForm::message || form == AnswerForm::response) return Usage::reported;
  if (request.stream) {
    if (!options.member.found() || !says_true(options.member.value_in(body), "include_usage")) return Usage::unasked;
  } else {
    set_member("stream_options", options.member, R"({"include_usage":true})", request);
  }
  if (!counts.empty()) set_member(counts, counting.member, "true", request);
  return Usage::reported;
}

}  // namespace rouse::api
