#include "api/engine_message.hpp"

#include <array>
#include <format>
#include <optional>

#include "api/json_scan.hpp"

namespace rouse::api {
namespace {

std::optional<std::string> text_of(std::string_view value) {
  if (!value.starts_with('"')) return std::nullopt;
  auto text = decode_string(value);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

std::optional<std::string> message_in(std::string_view object) {
  std::array wanted{Wanted{"error"}, Wanted{"message"}};
  if (!scan_object(object, wanted)) return std::nullopt;
  for (const Wanted& member : wanted) {
    if (!member.member.found()) continue;
    const std::string_view value = member.member.value_in(object);
    if (auto text = text_of(value)) return text;
    std::array inner{Wanted{"message"}};
    if (scan_object(value, inner) && inner[0].member.found()) return text_of(inner[0].member.value_in(value));
  }
  return std::nullopt;
}

}  // namespace

std::string engine_message(std::string_view body, int status) {
  auto message = message_in(body);
  return message ? std::move(*message) : std::format("the engine answered with status {}", status);
}

}  // namespace rouse::api
