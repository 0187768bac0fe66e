// One strict look at a JSON object: is it well formed to its last byte, and where in it do certain members stand?
// Nothing is copied or converted: what is found are places in the text, so that a member can be read, replaced or cut
// out while all other bytes stay as the client sent them.
//
// Pure; any thread. Linear in the text; no recursion: objects and arrays may be kMaxDepth deep.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace rouse::api {

inline constexpr std::size_t kMaxDepth = 256;

// A member of the outermost object: `"name": value` is [key, end), the value [value, end).
struct Member {
  std::size_t key = 0;
  std::size_t value = 0;
  std::size_t end = 0;

  bool found() const { return end != 0; }
  std::string_view value_in(std::string_view text) const { return text.substr(value, end - value); }
};

struct Wanted {
  std::string_view name;
  Member member = {};
};

// Finds the wanted members, however their names are spelt (escapes). Fails with malformed, and the offset of the byte
// that cannot stand there: also for a wanted member that stands there twice, where two readers might choose
// differently. That strings are UTF-8 is not checked.
//
// Tells a watch whether there is a key, at any depth, that it looks for. It is given keys as they are written, without
// their quotes.
struct KeyWatch {
  bool (*is_it)(std::string_view written_key);
  bool seen = false;
};
Result<void> scan_object(std::string_view text, std::span<Wanted> wanted, KeyWatch* watch = nullptr);

// The text of a string, from its opening to its closing quote, that scan_object has accepted. Fails with
// malformed for what is no UTF-8 or half a surrogate pair.
Result<std::string> decode_string(std::string_view quoted);

}  // namespace rouse::api
