#include <algorithm>
#include <array>
#include <cstring>
#include <format>
#include <utility>

#include "config/yaml_parser.hpp"

namespace rouse::config::yaml {
namespace {

// Characters that may end or change a plain scalar.
constexpr auto kNotable = [] {
  std::array<bool, 256> notable{};
  for (const char c : std::string_view("\0\n \t#:$,[]{}", 12)) notable[static_cast<unsigned char>(c)] = true;
  return notable;
}();

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6U);
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12U);
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | code >> 18U);
    put(0x80U | (code >> 12U & 0x3FU));
    put(0x80U | (code >> 6U & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// --- plain --------------------------------------------------------------------------------------------------

// The part of a plain scalar that stands on this line.
std::string_view Parser::plain_line(bool in_flow) {
  const std::size_t begin = here_;
  std::size_t end = here_;
  for (std::size_t i = here_;; end = i) {
    while (!kNotable[static_cast<unsigned char>(at(i))]) end = ++i;
    const char c = at(i);
    if (is_break(c)) break;
    if (is_blank(c)) {
      while (is_blank(at(i))) ++i;
      if (is_break(at(i)) || at(i) == '#') break;
      continue;
    }
    if (c == ':' && (is_space(at(i + 1)) || (in_flow && is_flow_indicator(at(i + 1))))) break;
    if (in_flow && c == '$' && at(i + 1) == '{') {
      const std::size_t close = i + std::strcspn(text_ + i, "}\n");
      i = at(close) == '}' ? close + 1 : i + 1;
      continue;
    }
    if (in_flow && is_flow_indicator(c)) break;
    ++i;
  }
  here_ = end;
  while (here_ > begin && is_blank(at(here_ - 1))) --here_;
  return {text_ + begin, here_ - begin};
}

std::uint32_t Parser::plain_scalar(int parent, bool in_flow) {
  const std::size_t start = here_;
  const char first = peek();
  const char second = at(here_ + 1);
  const bool indicator =
      (first == '-' || first == '?' || first == ':') && (is_space(second) || (in_flow && is_flow_indicator(second)));
  if (first == '?' && indicator) fail(start, "keys of several lines (?) are not read; write \"key: value\"");
  if (first == ':' && indicator) fail(start, "a key is missing before this \":\"");
  if (first == '!') fail(start, "tags (!) are not read; to begin a value with \"!\", quote it");
  if (indicator || is_flow_indicator(first) || std::strchr("%@`|>&*\"'#", first) != nullptr) {
    fail(start, std::format("a value cannot begin with \"{}\"; quote it if it is meant", first));
  }
  const std::string_view line = plain_line(in_flow);
  std::string folded;
  while (true) {
    std::size_t i = here_;
    while (is_blank(at(i))) ++i;
    std::size_t begin = line_;
    std::size_t breaks = 0;
    std::size_t indent = 0;
    while (at(i) == '\n') {
      ++breaks;
      begin = ++i;
      while (at(i) == ' ') ++i;
      indent = i - begin;
      while (is_blank(at(i))) ++i;
    }
    const char c = at(i);
    const bool ends = breaks == 0 || c == '\0' || c == '#' || std::cmp_less_equal(indent, parent) || is_marker(i) ||
                      (in_flow && (is_flow_indicator(c) || (c == ':' && is_space(at(i + 1)))));
    if (ends) break;
    if (folded.empty()) folded = line;
    folded.append(breaks == 1 ? " " : std::string(breaks - 1, '\n'));
    here_ = i;
    line_ = begin;
    folded += plain_line(in_flow);
  }
  return folded.empty() ? add_scalar(start, line, true) : add_unfolded(start, std::move(folded), true);
}

// --- quoted -------------------------------------------------------------------------------------------------

std::uint32_t Parser::quoted_scalar(int parent) {
  const std::size_t open = here_++;
  const char quote = at(open);
  const std::size_t length = std::strcspn(text_ + here_, quote == '"' ? "\"\\\n" : "'\n");
  if (at(here_ + length) == quote && (quote == '"' || at(here_ + length + 1) != '\'')) {  // as it is read
    const std::string_view text(text_ + here_, length);
    here_ += length + 1;
    return add_scalar(open, text, false);
  }
  std::string out;
  while (true) {
    const char c = peek();
    if (c == '\0') fail(open, "this quote is never closed");
    if (c == '\n' || is_blank(c)) {
      std::size_t i = here_;
      while (is_blank(at(i))) ++i;
      if (at(i) == '\n') {
        here_ = i;
        fold_break(parent, open, out);
      } else {
        out.append(text_ + here_, i - here_);
        here_ = i;
      }
    } else if (c == quote) {
      ++here_;
      if (quote == '"' || peek() != '\'') return add_unfolded(open, std::move(out), false);
      out += '\'';
      ++here_;
    } else if (c == '\\' && quote == '"') {
      escape(out);
    } else {
      out += c;
      ++here_;
    }
  }
}

// One break becomes a space, each further one a break.
void Parser::fold_break(int parent, std::size_t open, std::string& out) {
  std::size_t breaks = 0;
  while (peek() == '\n') {
    ++breaks;
    next_line(here_ + 1);
    skip_blanks();
  }
  const bool outdented = column() <= parent && peek() != at(open);
  if (at_stop() || outdented) fail(open, "this quote is never closed");
  out.append(breaks == 1 ? " " : std::string(breaks - 1, '\n'));
}

void Parser::escape(std::string& out) {
  const std::size_t start = here_++;
  const char c = peek();
  if (c == '\n') {  // the line goes on; its successor's indentation is not part of it
    next_line(here_ + 1);
    skip_blanks();
    return;
  }
  constexpr std::string_view kNames = "abtnvfre \"/\\N_LP\t";
  constexpr std::array<std::uint32_t, 17> kCodes{'\a', '\b', '\t', '\n', '\v', '\f',   '\r',   0x1B, ' ',
                                                 '"',  '/',  '\\', 0x85, 0xA0, 0x2028, 0x2029, '\t'};
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) {
    const std::size_t name = c == '\0' ? std::string_view::npos : kNames.find(c);
    if (name == std::string_view::npos) {
      fail(start, "an unknown escape; to have a backslash in double quotes, write it twice");
    }
    append_utf8(out, kCodes[name]);
    ++here_;
    return;
  }
  std::uint32_t code = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = hex_digit(at(++here_));
    if (digit < 0) fail(start, std::format("\\{} needs {} hexadecimal digits", c, digits));
    code = code << 4U | static_cast<std::uint32_t>(digit);
  }
  ++here_;
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) fail(start, "this is no character");
  append_utf8(out, code);
}

// --- literal and folded -------------------------------------------------------------------------------------

// The column at which the lines of a block scalar begin, seen from the line after its header.
std::size_t Parser::block_scalar_indent(int parent, std::size_t given) const {
  const auto base = static_cast<std::size_t>(std::max(parent, 0));
  if (given != 0) return base + given;
  auto indent = static_cast<std::size_t>(parent) + 1;
  for (std::size_t begin = here_;;) {
    std::size_t i = begin;
    while (at(i) == ' ') ++i;
    indent = std::max(indent, i - begin);
    if (at(i) != '\n') return indent;
    begin = i + 1;
  }
}

std::uint32_t Parser::block_scalar(int parent) {
  const std::size_t start = here_;
  const bool folds = peek() == '>';
  char chomp = ' ';
  std::size_t given = 0;
  for (++here_; !is_space(peek()); ++here_) {
    const char c = peek();
    if ((c == '+' || c == '-') && chomp == ' ') {
      chomp = c;
    } else if (c >= '1' && c <= '9' && given == 0) {
      given = static_cast<std::size_t>(c - '0');
    } else {
      fail(here_, std::format("a value cannot begin with \"{}\"; quote it if it is meant", at(start)));
    }
  }
  end_of_line();
  while (!is_break(peek())) ++here_;
  if (peek() == '\n') next_line(here_ + 1);

  const std::size_t indent = block_scalar_indent(parent, given);
  std::string out;
  std::string breaks;   // blank lines since the last that was not
  bool broken = false;  // a line has ended
  bool last_was_deeper = false;
  while (peek() != '\0') {
    std::size_t i = here_;
    while (at(i) == ' ' && i - here_ < indent) ++i;
    if (at(i) == '\n') {
      breaks += '\n';
      next_line(i + 1);
      continue;
    }
    if (i - here_ < indent || at(i) == '\0' || is_marker(i)) break;
    const bool deeper = is_blank(at(i));
    const std::size_t length = std::strcspn(text_ + i, "\n");
    if (broken) {
      const bool folded = folds && !deeper && !last_was_deeper;
      if (!folded) out += '\n';
      if (folded && breaks.empty()) out += ' ';
    }
    out += breaks;
    breaks.clear();
    out.append(text_ + i, length);
    last_was_deeper = deeper;
    broken = true;
    here_ = i + length;
    if (peek() == '\0') break;
    next_line(here_ + 1);
  }
  const bool ended = line_ == here_;  // with a break, which the last line of a file may lack
  if (chomp != '-' && broken && ended) out += '\n';
  if (chomp == '+') out += breaks;
  return add_unfolded(start, std::move(out), false);
}

}  // namespace rouse::config::yaml
