#include "api/request_body.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "api/json.hpp"
#include "api/json_scan.hpp"
#include "api/json_value.hpp"
#include "api/media_urls.hpp"

namespace rouse::api {
namespace {

Span whole(const Member& member) { return {member.key, member.end}; }
Span value(const Member& member) { return {member.value, member.end}; }

Result<std::string> read_name(std::string_view quoted) {
  if (!quoted.starts_with('"')) return fail(Code::malformed, "\"model\" must be a string");
  if (quoted.size() > 6 * kLongestModelName + 2) return fail(Code::malformed, "\"model\" is too long to be a name");
  auto name = decode_string(quoted);
  if (!name) return fail(Code::malformed, "\"model\" is not valid text: " + name.error().message);
  if (name->empty()) return fail(Code::malformed, "\"model\" is empty");
  if (name->size() > kLongestModelName) return fail(Code::malformed, "\"model\" is too long to be a name");
  return name;
}

Result<void> read_field(std::string_view body, const Wanted& field, RequestBody& request) {
  std::string text(field.member.value_in(body));
  if (text.starts_with('"')) {
    auto decoded = decode_string(text);
    if (!decoded) return fail(Code::malformed, std::format("\"{}\": {}", field.name, decoded.error().message));
    text = std::move(*decoded);
  } else if (text == "null") {
    request.edits.cut_member(whole(field.member));
    return {};
  }
  const auto ours = read_lifecycle_field(field.name, text, request.lifecycle);
  if (!ours) return std::unexpected(ours.error());
  if (*ours) request.edits.cut_member(whole(field.member));
  return {};
}

Result<void> check_array(std::string_view body, const ArrayMember& array, const Member& member) {
  const bool required = array.presence == Presence::required;
  if (!member.found()) {
    if (!required) return {};
    return fail(Code::malformed, std::format("\"{}\" is missing; it must be an array", array.name));
  }
  const std::string_view value = member.value_in(body);
  if (value.starts_with('[') || (!required && value == "null")) return {};
  return fail(Code::malformed, std::format("\"{}\" must be an array", array.name));
}

}  // namespace

Result<RequestBody> read_json_body(std::string_view body, std::span<const ArrayMember> arrays) {
  constexpr std::size_t kOurs = 2 + kLifecycleFields.size();
  std::array<Wanted, kOurs + kMostArrays> places{Wanted{"model"}, Wanted{"stream"}, Wanted{kLifecycleFields[0]},
                                                 Wanted{kLifecycleFields[1]}, Wanted{kLifecycleFields[2]}};
  for (std::size_t i = 0; i < arrays.size(); ++i) places[kOurs + i].name = arrays[i].name;
  const std::span<Wanted> wanted = std::span(places).first(kOurs + arrays.size());
  KeyWatch media{may_hold_media};
  if (auto scanned = scan_object(body, wanted, &media); !scanned) return std::unexpected(std::move(scanned.error()));
  const Member& model = wanted[0].member;
  const Member& stream = wanted[1].member;

  RequestBody request;
  request.front = body.find('{') + 1;
  request.may_hold_media = media.seen;
  if (stream.found()) {
    const std::string_view text = stream.value_in(body);
    if (text != "true" && text != "false" && text != "null")
      return fail(Code::malformed, "\"stream\" must be true or false");
    request.stream = text == "true";
  }
  for (const Wanted& field : wanted.subspan(2, kLifecycleFields.size())) {
    if (!field.member.found()) continue;
    if (auto read = read_field(body, field, request); !read) return std::unexpected(std::move(read.error()));
  }
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (auto fits = check_array(body, arrays[i], wanted[kOurs + i].member); !fits)
      return std::unexpected(std::move(fits.error()));
  }
  if (!model.found()) return request;
  auto name = read_name(model.value_in(body));
  if (!name) return std::unexpected(std::move(name.error()));
  request.model = std::move(*name);
  request.model_place = value(model);
  return request;
}

Result<void> check_elements(std::string_view body, std::span<const ArrayMember> arrays) {
  const auto request = body.size() <= kMostBlamed ? parse_json_object(body) : std::nullopt;
  if (!request) return {};
  for (const ArrayMember& array : arrays) {
    const Json* elements = member(*request, array.name);
    if (array.element.empty() || !elements || !elements->is_array()) continue;
    for (const Json& element : elements->get_array()) {
      const Json* found = member(element, array.element);
      if (found && found->is_string()) continue;
      return fail(Code::malformed, std::format("an element of \"{}\" has no \"{}\"", array.name, array.element));
    }
  }
  return {};
}

void RequestBody::rename_model(std::string_view name) {
  const bool named = !model_place.empty();
  if (form == BodyForm::json) {
    if (named) return edits.replace(model_place, to_json(name));
    return edits.add_member(front, std::format("\"model\":{}", to_json(name)));
  }
  if (named) return edits.replace(model_place, std::string(name));
  edits.insert(front,
               std::format("--{}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{}\r\n", boundary, name));
}

}  // namespace rouse::api
