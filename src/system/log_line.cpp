#include "system/log_line.hpp"

#include <cmath>
#include <format>
#include <iterator>

#include "system/characters.hpp"

namespace rouse::system {
namespace {

void append_bytes(std::string& out, std::string_view bytes) {
  for (const char c : bytes) std::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Character character = first_character(text);
    text.remove_prefix(character.bytes.size());
    switch (character.kind) {
      case CharacterKind::control:
        std::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(character.bytes[0]));
        break;
      case CharacterKind::broken:
      case CharacterKind::hidden: out += "\\ufffd"; break;
      case CharacterKind::plain:
        if (character.bytes == "\"" || character.bytes == "\\") out += '\\';
        out += character.bytes;
        break;
    }
  }
  out += '"';
}

void append_json(std::string& out, std::int64_t number) { std::format_to(std::back_inserter(out), "{}", number); }
void append_json(std::string& out, double number) {
  if (std::isfinite(number))
    std::format_to(std::back_inserter(out), "{}", number);
  else
    out += "null";
}

}  // namespace

std::string text_line(std::string_view message) {
  std::string line;
  line.reserve(message.size());
  while (!message.empty()) {
    const Character character = first_character(message);
    message.remove_prefix(character.bytes.size());
    if (character.kind == CharacterKind::plain)
      line += character.bytes;
    else if (character.bytes == "\n")
      line += "\\n";
    else
      append_bytes(line, character.bytes);
  }
  return line;
}

std::string json_members(std::string_view message, std::span<const LogField> fields) {
  std::string members = "\"message\":";
  append_json(members, message);
  for (const LogField& field : fields) {
    members += ',';
    append_json(members, field.name);
    members += ':';
    std::visit([&](const auto& value) { append_json(members, value); }, field.value);
  }
  return members;
}

}  // namespace rouse::system
