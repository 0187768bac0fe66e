#include "config/yaml.hpp"

#include <algorithm>

#include "config/yaml_builder.hpp"

namespace rouse::config::yaml {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::vector<std::uint32_t> beginnings_of_lines(std::string_view text) {
  std::vector<std::uint32_t> lines{0};
  std::uint32_t offset = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i])) ++offset;
    const bool ends = text[i] == '\n' || (text[i] == '\r' && !text.substr(i + 1).starts_with('\n'));
    if (ends) lines.push_back(offset);
  }
  return lines;
}

}  // namespace

Document::Document(std::string_view text) : nodes_(1) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kLargest) {
    lines_ = {0};
    mistake_ = Mistake{0, "the file is larger than 64 MiB"};
    return;
  }
  lines_ = beginnings_of_lines(text);
  nodes_.reserve(text.size() / 8 + 2);  // what is not touched takes no memory
  Builder(*this, text).build();
}

Position Document::position(std::size_t offset) const {
  const auto after = std::ranges::upper_bound(lines_, offset);
  return {static_cast<std::uint32_t>(after - lines_.begin()), static_cast<std::uint32_t>(offset - *(after - 1) + 1)};
}

std::size_t Document::offset_of(const Node& scalar, std::size_t in_text) const {
  if (!scalar.as_written) return scalar.offset;
  return scalar.offset + (scalar.plain ? 0 : 1) + characters(scalar.text.substr(0, in_text));
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, begins_character));
}

}  // namespace rouse::config::yaml
