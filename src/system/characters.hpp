// Text from strangers, character by character: what may be shown in a line, and what would end it, hide in it, or turn
// it around. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace rouse::system {

enum class CharacterKind : std::uint8_t {
  plain,
  control,  // C0, DEL
  hidden,   // C1, a line or paragraph separator, or one that turns the direction of text around
  broken,   // one byte of what is no UTF-8
};

struct Character {
  std::string_view bytes;
  CharacterKind kind = CharacterKind::plain;
};

// The first character of `text`, which is not empty.
Character first_character(std::string_view text);

}  // namespace rouse::system
