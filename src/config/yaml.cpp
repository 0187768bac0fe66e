#include "config/yaml.hpp"

#include <algorithm>
#include <utility>

#include "config/yaml_parser.hpp"

namespace rouse::config::yaml {
namespace {

constexpr std::size_t kLargest = 64 * 1024 * 1024;

// Without a byte order mark, and with every line ended by '\n'.
std::string with_plain_breaks(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (!text.contains('\r')) return text;
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      plain += '\n';
    }
  }
  return plain;
}

// The length of the UTF-8 character that begins the text; 0 for what is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) >= 0x90;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || static_cast<unsigned char>(c) == 0x7F;
}

bool is_everyday(char c) { return (c >= ' ' && c <= '~') || c == '\n'; }

std::optional<Mistake> mistake_in_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    while (i < text.size() && is_everyday(text[i])) ++i;
    if (i == text.size()) break;
    if (is_control(text[i])) return Mistake{i, "a control character; only tabs and line breaks are taken"};
    const std::size_t length = utf8_length(text.substr(i, 4));
    if (length == 0) return Mistake{i, "this is not UTF-8; save the file as UTF-8"};
    i += length;
  }
  return std::nullopt;
}

}  // namespace

Document::Document(std::string text) : text_(with_plain_breaks(std::move(text))) {
  lines_.push_back(0);
  if (text_.size() > kLargest) {
    mistake_ = Mistake{0, "the file is larger than 64 MiB"};
    return;
  }
  for (std::size_t i = text_.find('\n'); i != std::string::npos; i = text_.find('\n', i + 1)) {
    lines_.push_back(static_cast<std::uint32_t>(i + 1));
  }
  mistake_ = mistake_in_characters(text_);
  if (mistake_) return;
  nodes_.reserve(text_.size() / 10 + 2);
  nodes_.emplace_back();
  try {
    Parser(*this).parse();
  } catch (Parser::Failure& failure) {
    mistake_ = Mistake{failure.offset, std::move(failure.message)};
  }
}

Position Document::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::ranges::upper_bound(lines_, offset);
  const std::size_t begin = *(after - 1);
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  const auto characters =
      std::ranges::count_if(std::string_view(text_).substr(begin, offset - begin), starts_character);
  return {static_cast<std::uint32_t>(after - lines_.begin()), static_cast<std::uint32_t>(characters + 1)};
}

std::size_t Document::offset_of(const Node& scalar, std::size_t in_text) const {
  const std::less_equal<const char*> not_after;
  const bool as_written =
      not_after(text_.data(), scalar.text.data()) && not_after(scalar.text.data(), text_.data() + text_.size());
  if (!as_written) return scalar.offset;
  return static_cast<std::size_t>(scalar.text.data() - text_.data()) + in_text;
}

}  // namespace rouse::config::yaml
