// JSON of whatever shape, as values: for what is put together from an engine's answers. Members keep their order, whole
// numbers stay whole. Include it in .cpp files alone: it is heavy.
#pragma once

#include <glaze/json/generic.hpp>
#include <glaze/json/read.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/json.hpp"

namespace rouse::api {

using Json = glz::generic_i64;

// Nothing for what is no JSON object.
inline std::optional<Json> parse_json_object(std::string_view text) {
  Json value;
  if (glz::read_json(value, text) || !value.is_object()) return std::nullopt;
  return value;
}

// The member of an object; nothing if it is not there, or null, or `object` is none.
inline const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto& members = object.get_object();
  const auto it = members.find(name);
  return it == members.end() || it->second.is_null() ? nullptr : &it->second;
}
inline Json* member(Json& object, std::string_view name) {
  return const_cast<Json*>(member(std::as_const(object), name));
}

inline std::string_view text_of(const Json& object, std::string_view name) {
  const Json* found = member(object, name);
  return found && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

inline std::int64_t whole_of(const Json& object, std::string_view name) {
  const Json* found = member(object, name);
  const auto* whole = found ? std::get_if<std::int64_t>(&found->data) : nullptr;
  return whole ? *whole : 0;
}

}  // namespace rouse::api
