#include "config/key.hpp"

#include <sys/random.h>

#include <boost/hash2/sha2.hpp>

namespace rouse::config {
namespace {

constexpr std::string_view kScheme = "sha256:";

// The value of a hexadecimal digit; 16 for what is none.
unsigned value_of(char c) {
  const bool capital = c >= 'A' && c <= 'F';
  const std::size_t at = std::string_view("0123456789abcdef").find(capital ? static_cast<char>(c - 'A' + 'a') : c);
  return at == std::string_view::npos ? 16 : static_cast<unsigned>(at);
}

}  // namespace

bool operator==(const KeyHash& a, const KeyHash& b) {
  unsigned differences = 0;
  for (std::size_t i = 0; i < a.sha256.size(); ++i) differences |= unsigned{a.sha256[i]} ^ unsigned { b.sha256[i] };
  return differences == 0;
}

KeyHash hash_of(std::string_view key) {
  boost::hash2::sha2_256 sha;
  sha.update(key.data(), key.size());
  const auto digest = sha.result();
  KeyHash hash;
  for (std::size_t i = 0; i < hash.sha256.size(); ++i) hash.sha256[i] = digest[i];
  return hash;
}

std::string to_string(const KeyHash& hash) {
  std::string text(kScheme);
  for (const unsigned char byte : hash.sha256) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::optional<KeyHash> parse_key_hash(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  KeyHash hash;
  if (text.size() != 2 * hash.sha256.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.sha256.size(); ++i) {
    const unsigned high = value_of(text[2 * i]);
    const unsigned low = value_of(text[2 * i + 1]);
    if (high > 15 || low > 15) return std::nullopt;
    hash.sha256[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return hash;
}

std::optional<std::string> new_key() {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr std::size_t kCount = 43;  // of six bits each
  std::array<unsigned char, kCount> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return std::nullopt;
  std::string key = "rouse_";
  for (const unsigned char byte : random) key += kLetters[byte & 63];
  return key;
}

}  // namespace rouse::config
