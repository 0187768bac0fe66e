#include <algorithm>
#include <format>
#include <optional>

#include "api/media_urls.hpp"
#include "api/multipart.hpp"
#include "api/request_body.hpp"
#include "api/utf8.hpp"

namespace rouse::api {
namespace {

bool is_wanted(std::string_view name) {
  return name == "model" || name == "stream" || std::ranges::contains(kLifecycleFields, name);
}

Result<void> read_part(std::string_view body, const Part& part, RequestBody& request) {
  const std::string_view text = part.content.in(body);
  const auto wrong = [&](std::string_view why) {
    return fail(Code::malformed, std::format("\"{}\" {}", part.name, why));
  };
  if (part.is_file) return wrong("must be a plain field of the form");
  if (text.empty()) return wrong("is empty");
  if (text.size() > kLongestModelName) return wrong("is too long");
  if (!is_utf8(text)) return wrong("is not UTF-8");
  if (part.name == "model") {
    request.model = text;
    request.model_place = part.content;
  } else if (part.name == "stream") {
    request.stream = text == "true" || text == "True" || text == "1";
  } else {
    const auto ours = read_lifecycle_field(part.name, text, request.lifecycle);
    if (!ours) return std::unexpected(ours.error());
    if (*ours) request.edits.cut(part.whole);
  }
  return {};
}

}  // namespace

Result<RequestBody> read_multipart_body(std::string_view body, std::string_view boundary) {
  const auto parts = scan_multipart(body, boundary);
  if (!parts) return std::unexpected(parts.error());
  RequestBody request;
  request.form = BodyForm::multipart;
  request.boundary = boundary;
  std::vector<std::string_view> seen;
  for (const Part& part : *parts) {
    if (!part.is_file && !part.is_plain)
      return fail(Code::malformed, std::format("\"{}\" must stand in the form as it is, not encoded", part.name));
    if (!part.is_file && !request.media_url && is_media_url(part.name, part.content.in(body)))
      request.media_url = part.content.begin;
    if (!is_wanted(part.name)) continue;
    if (std::ranges::contains(seen, part.name))
      return fail(Code::malformed, std::format("\"{}\" stands in the form twice", part.name));
    seen.push_back(part.name);
    if (auto read = read_part(body, part, request); !read) return std::unexpected(std::move(read.error()));
  }
  return request;
}

}  // namespace rouse::api
