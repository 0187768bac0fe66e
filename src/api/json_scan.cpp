#include "api/json_scan.hpp"

#include <bitset>
#include <cstdint>
#include <cstring>
#include <format>
#include <glaze/json/read.hpp>

#include "api/utf8.hpp"

namespace rouse::api {
namespace {

// As many bytes as every 64-bit processor compares at once.
using Block [[gnu::vector_size(16)]] = unsigned char;

// True if none of a block's bytes is a quote, a backslash or a control character.
bool is_plain(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof block);
  const auto special = (block < 0x20) | (block == '"') | (block == '\\');
  std::uint64_t halves[2];
  std::memcpy(halves, &special, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

// Each function that returns bool leaves `at` behind what it read, or sets `wrong` and returns false.
class Scanner {
 public:
  Scanner(std::string_view text, KeyWatch* watch) : text_(text), watch_(watch) {}

  bool object(std::span<Wanted> wanted);
  std::size_t at() const { return at_; }
  std::string_view wrong() const { return wrong_; }

 private:
  bool member(std::span<Wanted> wanted);
  bool key_and_colon();
  bool value();
  bool scalar();
  bool string();
  bool escape();
  bool number();
  bool digits();
  bool literal(std::string_view word);

  void space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool fail(std::string_view why) {
    wrong_ = at_ >= text_.size() ? "it ends too early" : why;
    return false;
  }

  void show_watch(std::string_view quoted) {
    if (watch_ && !watch_->seen) watch_->seen = watch_->is_it(quoted.substr(1, quoted.size() - 2));
  }

  std::string_view text_;
  KeyWatch* watch_;
  std::size_t at_ = 0;
  std::string_view wrong_;
};

bool Scanner::object(std::span<Wanted> wanted) {
  space();
  if (!take('{')) return fail("a JSON object was expected");
  space();
  if (!take('}')) {
    do {
      space();
      if (!member(wanted)) return false;
      space();
    } while (take(','));
    if (!take('}')) return fail("expected ',' or '}' after a member");
  }
  space();
  if (at_ == text_.size()) return true;
  return fail("nothing may follow the object");
}

bool Scanner::member(std::span<Wanted> wanted) {
  const std::size_t key = at_;
  if (!string()) return false;
  const std::string_view quoted = text_.substr(key, at_ - key);
  show_watch(quoted);
  std::string_view name = quoted.substr(1, quoted.size() - 2);
  std::string decoded;
  if (name.contains('\\')) {
    // A name that cannot be decoded is none that is wanted.
    if (auto plain = decode_string(quoted)) decoded = std::move(*plain);
    name = decoded;
  }
  Wanted* match = nullptr;
  for (Wanted& candidate : wanted) {
    if (candidate.name == name) match = &candidate;
  }
  if (match && match->member.found()) {
    at_ = key;
    return fail("this member stands there twice");
  }
  space();
  if (!take(':')) return fail("expected ':' after a name");
  space();
  const std::size_t begin = at_;
  if (!value()) return false;
  if (match) match->member = {key, begin, at_};
  return true;
}

bool Scanner::key_and_colon() {
  space();
  if (peek() != '"') return fail("expected a name in quotes");
  const std::size_t key = at_;
  if (!string()) return false;
  show_watch(text_.substr(key, at_ - key));
  space();
  if (!take(':')) return fail("expected ':' after a name");
  space();
  return true;
}

bool Scanner::value() {
  std::bitset<kMaxDepth> is_object;
  std::size_t depth = 0;
  while (true) {
    const char c = peek();
    if (c == '{' || c == '[') {
      if (depth == kMaxDepth) return fail("too deeply nested");
      ++at_;
      space();
      if (!take(c == '{' ? '}' : ']')) {
        is_object[depth++] = c == '{';
        if (c == '{' && !key_and_colon()) return false;
        continue;
      }
    } else if (!scalar()) {
      return false;
    }
    // A value has ended; so may those around it.
    bool more = false;
    while (depth > 0 && !more) {
      const bool in_object = is_object[depth - 1];
      space();
      if (take(',')) {
        if (in_object && !key_and_colon()) return false;
        space();
        more = true;
      } else if (take(in_object ? '}' : ']')) {
        --depth;
      } else {
        return fail(in_object ? "expected ',' or '}' after a member" : "expected ',' or ']' after an element");
      }
    }
    if (!more) return true;
  }
}

bool Scanner::scalar() {
  switch (peek()) {
    case '"': return string();
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    default: return number();
  }
}

bool Scanner::literal(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return fail("expected a value");
  at_ += word.size();
  return true;
}

bool Scanner::digits() {
  const std::size_t begin = at_;
  while (peek() >= '0' && peek() <= '9') ++at_;
  return at_ > begin || fail("expected a digit");
}

bool Scanner::number() {
  const std::size_t begin = at_;
  take('-');
  if (!take('0') && !(peek() >= '0' && peek() <= '9' && digits())) {
    return fail(at_ == begin ? "expected a value" : "expected a digit");
  }
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return false;
  }
  return true;
}

bool Scanner::string() {
  if (!take('"')) return fail("expected a name in quotes");
  while (true) {
    while (text_.size() - at_ >= sizeof(Block) && is_plain(text_.data() + at_)) at_ += sizeof(Block);
    const std::size_t stop = std::min(text_.size(), at_ + sizeof(Block));
    while (at_ < stop) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!escape()) return false;
        break;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character must be escaped");
      ++at_;
    }
    if (at_ == text_.size()) return fail({});
  }
}

bool Scanner::escape() {
  const std::size_t backslash = at_++;
  const char c = peek();
  if (c == 'u') {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char hex = peek();
      const bool ok = (hex >= '0' && hex <= '9') || (hex >= 'a' && hex <= 'f') || (hex >= 'A' && hex <= 'F');
      if (!ok) return fail("expected a hexadecimal digit");
    }
    return true;
  }
  if (c == '\0' || !std::string_view("\"\\/bfnrt").contains(c)) {
    if (at_ < text_.size()) at_ = backslash;
    return fail("no such escape in a string");
  }
  ++at_;
  return true;
}

struct ReadString : glz::opts {
  bool validate_trailing_whitespace = true;
};
constexpr ReadString kReadString = [] {
  ReadString options;
  options.null_terminated = false;
  return options;
}();

}  // namespace

Result<void> scan_object(std::string_view text, std::span<Wanted> wanted, KeyWatch* watch) {
  Scanner scanner(text, watch);
  if (scanner.object(wanted)) return {};
  return rouse::fail(Code::malformed, std::format("malformed JSON at byte {}: {}", scanner.at(), scanner.wrong()));
}

Result<std::string> decode_string(std::string_view quoted) {
  std::string plain;
  if (!quoted.contains('\\')) {
    plain = quoted.substr(1, quoted.size() - 2);
  } else if (glz::read<kReadString>(plain, quoted)) {
    return rouse::fail(Code::malformed, "a string holds an escape that is no character");
  }
  if (!is_utf8(plain)) return rouse::fail(Code::malformed, "a string is not UTF-8");
  return plain;
}

}  // namespace rouse::api
