#include "config/keys.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "config/models.hpp"
#include "config/names.hpp"

namespace rouse::config {
namespace {

constexpr std::string_view kHashWhat = "sha256: and 64 hexadecimal digits, as `rouse key new` prints them";

void read_hash(Reading& reading, const Entry& entry, std::vector<KeyHash>& into) {
  const auto text = reading.scalar(entry, kHashWhat);
  if (!text) return;
  if (const auto hash = parse_key_hash(*text)) {
    into.push_back(*hash);
  } else if (text->starts_with("rouse_")) {
    // Not repeated: it is a secret.
    reading.problem(*entry.value, "hash: this is the key itself; give it to its holder and write its hash here");
  } else {
    reading.problem(*entry.value, std::format("hash: expected {}", kHashWhat));
  }
}

void read_hashes(Reading& reading, const Entry& entry, std::vector<KeyHash>& into) {
  if (entry.value->kind != yaml::Kind::list) return read_hash(reading, entry, into);
  const std::vector<Entry> items = reading.items(entry, kHashWhat);
  if (items.empty()) reading.problem(*entry.value, std::format("hash: expected {}", kHashWhat));
  for (const Entry& item : items) read_hash(reading, item, into);
}

void read_count(Reading& reading, const Entry& entry, std::optional<std::uint32_t>& into) {
  std::uint32_t count = 0;
  reading.integer(entry, 1, 1'000'000, count);
  if (count != 0) into = count;
}

Key read_key(Reading& reading, const Entry& entry) {
  constexpr std::array<std::string_view, 6> kKeys{"hash", "role", "priority", "keep", "at_once", "per_minute"};
  constexpr std::array<std::string_view, 2> kRoles{"use", "admin"};
  Key key;
  key.name = entry.key;
  bool has_hash = false;
  reading.fields(entry, {"key", entry.key}, kKeys, [&](std::size_t at, const Entry& value) {
    switch (at) {
      case 0: has_hash = true; return read_hashes(reading, value, key.hashes);
      case 1:
        if (const auto word = reading.word(value, kRoles)) key.role = *word == 0 ? Role::use : Role::admin;
        return;
      case 2: return read_priority(reading, value, key.priority);
      case 3: return read_keep(reading, value, key.keep);
      case 4: return read_count(reading, value, key.at_once);
      case 5: return read_count(reading, value, key.per_minute);
    }
  });
  if (!is_key_name(key.name)) {
    reading.problem(*entry.at, std::format("{} cannot name a key; expected {}", in_quotes(key.name), kKeyNameRule));
  }
  const bool is_map = entry.value->kind == yaml::Kind::map || entry.value->is_nothing();
  if (is_map && !has_hash) {
    reading.problem(*entry.at, std::format("key {} has no hash; make one with: rouse key new", in_quotes(key.name)));
  }
  return key;
}

}  // namespace

std::vector<Key> read_keys(Reading& reading, const Entry& entry) {
  std::vector<Entry> entries = reading.pairs(entry, {"keys"});
  std::ranges::sort(entries, {}, &Entry::key);
  std::vector<Key> keys;
  for (const Entry& pair : entries) {
    Key key = read_key(reading, pair);
    for (const Key& other : keys) {
      const bool shared = std::ranges::any_of(
          key.hashes, [&](const KeyHash& hash) { return std::ranges::contains(other.hashes, hash); });
      if (!shared) continue;
      reading.problem(*pair.at, std::format("keys {} and {} have the same hash; each holder needs a key of their own",
                                            in_quotes(other.name), in_quotes(key.name)));
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace rouse::config
