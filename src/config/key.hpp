// A key: what a client shows to be let in, and what its holder may do. The configuration holds names, hashes and
// permissions; the key itself is nowhere but with its holder. docs/adr/0010-keys.md says why a plain hash is enough.
//
// Values and pure functions, but for new_key(), which asks the system for random bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.hpp"

namespace rouse::config {

struct KeyHash {
  std::array<unsigned char, 32> sha256{};
  // In a time that depends on nothing that is compared.
  friend bool operator==(const KeyHash& a, const KeyHash& b);
};

KeyHash hash_of(std::string_view key);
std::string to_string(const KeyHash& hash);                    // "sha256:" and 64 digits
std::optional<KeyHash> parse_key_hash(std::string_view text);  // reads the same

// "rouse_" and 256 random bits in 43 letters, digits, '-' and '_'. Nothing if the system has no random bytes.
std::optional<std::string> new_key();

enum class Role : std::uint8_t {
  use,    // ask models, see which there are
  admin,  // and steer them, read their logs, see what others do
};

struct Key {
  std::string name;             // of its holder: in logs, and what models are shared fairly between
  std::vector<KeyHash> hashes;  // one; two while it is being exchanged for another
  Role role = Role::use;
  core::Priority priority = core::Priority::high;  // the highest its requests get
  core::Keep keep = core::Keep::forever();         // the longest its requests keep a model
  std::optional<std::uint32_t> at_once;            // requests
  std::optional<std::uint32_t> per_minute;         // requests
  friend bool operator==(const Key&, const Key&) = default;
};

}  // namespace rouse::config
