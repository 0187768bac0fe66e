#include "config/yaml_parser.hpp"

#include <format>
#include <utility>

namespace rouse::config::yaml {
namespace {

constexpr int kDeepest = 64;

}  // namespace

Parser::Parser(Document& document) : document_(document), text_(document.text_.c_str()) {}

void Parser::fail(std::size_t offset, std::string message) { throw Failure{offset, std::move(message)}; }

void Parser::parse() {
  next_content();
  if (peek() == '%' && column() == 0) fail(here_, "directives (%) are not read; remove this line");
  Spot spot = Spot::own_line;
  if (is_marker(here_) && peek() == '-') {
    next_line(here_ + 3);
    spot = Spot::after_key;
  }
  document_.root_ = value(-1, spot, 0);
  next_content();
  if (is_marker(here_) && peek() == '.') {
    next_line(here_ + 3);
    end_of_line();
    next_content();
  }
  if (is_marker(here_)) fail(here_, "a second document begins here; only one is read");
  if (peek() != '\0') fail(here_, "this line is indented less than the first one, so it belongs to nothing");
}

// --- block style --------------------------------------------------------------------------------------------

// What follows "key:" or "-": on the same line, or on the following ones, further right; or nothing.
std::uint32_t Parser::value(int column, Spot spot, std::uint32_t when_empty) {
  const bool of_key = spot == Spot::after_key;
  skip_blanks();
  std::string_view anchor;
  if (peek() == '&') {
    anchor = anchor_name();
    skip_blanks();
    spot = Spot::after_key;  // a map or list that begins behind an anchor would leave open what it names
  }
  std::uint32_t node = 0;
  if (!at_line_end()) {
    node = block_node(column, spot);
  } else {
    const std::size_t offset = when_empty == 0 ? here_ : document_.nodes_[when_empty].offset;
    next_content();
    const bool list_of_key = of_key && this->column() == column && at_indicator('-');
    if (at_stop() || (this->column() <= column && !list_of_key)) {
      node = add_scalar(offset, {}, true);
    } else {
      node = block_node(list_of_key ? column - 1 : column, Spot::own_line);
    }
  }
  if (!anchor.empty()) anchors_[anchor] = node;
  return node;
}

std::uint32_t Parser::block_node(int parent, Spot spot) {
  const Depth depth(*this);
  const std::size_t start = here_;
  const int column = this->column();
  std::uint32_t node = 0;
  switch (peek()) {
    case '-':
      if (!at_indicator('-')) break;
      if (spot == Spot::after_key) fail(start, "a list begins on the line after its key, one \"- \" a line");
      return block_list(column);
    case '[':
    case '{': node = flow_node(parent); break;
    case '|':
    case '>': return block_scalar(parent);
    case '"':
    case '\'': node = quoted_scalar(parent); break;
    case '*': node = alias(); break;
    case '&': fail(start, "an anchor (&) stands right behind its key or dash");
    default: break;
  }
  if (node == 0) node = plain_scalar(parent, false);
  const std::size_t end = here_;
  skip_blanks();
  if (!at_indicator(':')) {
    here_ = end;
    end_of_line();
    return node;
  }
  const Node& key = document_.nodes_[node];
  if (line_ > start) fail(here_, "unexpected \":\"; is the indentation right, or a quote missing?");
  if (spot == Spot::after_key) {
    fail(here_, "a second \":\" on this line; quote the value, or put it on a line of its own");
  }
  if (key.kind != Kind::scalar || at(start) == '*') fail(start, "a key is a plain or quoted word");
  return block_map(column, node);
}

std::uint32_t Parser::block_list(int column) {
  refuse_tab_before(here_);
  const std::uint32_t list = add(Kind::list, here_);
  std::uint32_t last = 0;
  while (true) {
    const std::size_t dash = here_++;
    const std::uint32_t item = value(column, Spot::after_dash, 0);
    Node& added = document_.nodes_[item];
    if (added.kind == Kind::scalar && added.plain && added.text.empty()) {
      added.offset = static_cast<std::uint32_t>(dash);
    }
    append(list, last, item);
    next_content();
    if (at_stop() || this->column() < column) return list;
    if (this->column() > column) fail(here_, "the indentation of this line fits nothing above it");
    if (!at_indicator('-')) return list;
  }
}

// Begins at the ":" of its first key.
std::uint32_t Parser::block_map(int column, std::uint32_t key) {
  refuse_tab_before(document_.nodes_[key].offset);
  const std::uint32_t map = add(Kind::map, document_.nodes_[key].offset);
  std::uint32_t last = 0;
  while (true) {
    ++here_;
    append(map, last, key);
    append(map, last, value(column, Spot::after_key, key));
    next_content();
    if (at_stop() || this->column() < column) return map;
    if (this->column() > column) fail(here_, "the indentation of this line fits nothing above it");
    key = key_of_block_map();
  }
}

std::uint32_t Parser::key_of_block_map() {
  const std::size_t start = here_;
  std::uint32_t key = 0;
  if (at_indicator('-')) fail(start, "a list item (-) among keys; indent the list further than its key");
  if (peek() == '"' || peek() == '\'') {
    key = quoted_scalar(column());
  } else {
    const char first = peek();
    if (first == '[' || first == '{' || first == '*' || first == '&') fail(start, "a key is a plain or quoted word");
    key = plain_scalar(column(), false);
  }
  skip_blanks();
  if (!at_indicator(':') || line_ > start)
    fail(start, "expected \"key: value\"; is there no \":\" and a space behind it?");
  return key;
}

// --- flow style ---------------------------------------------------------------------------------------------

std::uint32_t Parser::flow_node(int parent) {
  const Depth depth(*this);
  switch (peek()) {
    case '[': return flow_list(parent);
    case '{': return flow_map(parent);
    case '"':
    case '\'': return quoted_scalar(parent);
    case '*': return alias();
    case '&': {
      const std::size_t open = here_;
      const std::string_view anchor = anchor_name();
      flow_space(parent, open);
      const std::uint32_t node = flow_node(parent);
      anchors_[anchor] = node;
      return node;
    }
    default: return plain_scalar(parent, true);
  }
}

std::uint32_t Parser::flow_list(int parent) {
  const std::size_t open = here_++;
  const std::uint32_t list = add(Kind::list, open);
  std::uint32_t last = 0;
  while (true) {
    flow_space(parent, open);
    if (peek() == ']') break;
    append(list, last, flow_node(parent));
    flow_space(parent, open);
    if (peek() == ':') fail(here_, "a key in a list needs braces: [{key: value}]");
    if (peek() == ',') {
      ++here_;
    } else if (peek() != ']') {
      fail(here_, std::format("expected \",\" or \"]\" for the \"[\" of line {}", document_.position(open).line));
    }
  }
  ++here_;
  return list;
}

std::uint32_t Parser::flow_map(int parent) {
  const std::size_t open = here_++;
  const std::uint32_t map = add(Kind::map, open);
  std::uint32_t last = 0;
  while (true) {
    flow_space(parent, open);
    if (peek() == '}') break;
    const bool plain = peek() != '"' && peek() != '\'';
    if (peek() == '[' || peek() == '{' || peek() == '*' || peek() == '&')
      fail(here_, "a key is a plain or quoted word");
    const std::uint32_t key = plain ? plain_scalar(parent, true) : quoted_scalar(parent);
    append(map, last, key);
    const std::size_t key_begin = document_.nodes_[key].offset;
    const bool one_line = line_ <= key_begin;
    flow_space(parent, open);
    std::uint32_t of_key = 0;
    if (peek() == ':') {
      if (!one_line) fail(key_begin, "a key ends on the line on which it begins; is a quote or comma missing?");
      ++here_;
      flow_space(parent, open);
      if (peek() != ',' && peek() != '}') of_key = flow_node(parent);
    }
    append(map, last, of_key != 0 ? of_key : add_scalar(document_.nodes_[key].offset, {}, true));
    flow_space(parent, open);
    if (peek() == ',') {
      ++here_;
    } else if (peek() != '}') {
      fail(here_, std::format("expected \",\" or \"}}\" for the \"{{\" of line {}", document_.position(open).line));
    }
  }
  ++here_;
  return map;
}

// --- anchors ------------------------------------------------------------------------------------------------

std::string_view Parser::anchor_name() {
  const std::size_t start = ++here_;
  while (!is_space(peek()) && !is_flow_indicator(peek())) ++here_;
  if (here_ == start) fail(start - 1, "a name is missing behind this; to begin a value with it, quote the value");
  return {text_ + start, here_ - start};
}

// Stands for the whole of what its anchor named: the same children, a node of its own.
std::uint32_t Parser::alias() {
  const std::size_t start = here_;
  const std::string_view name = anchor_name();
  const auto found = anchors_.find(name);
  if (found == anchors_.end()) {
    fail(start, std::format("nothing before this was named \"&{0}\"; if \"*{0}\" is meant as text, quote it", name));
  }
  Node copy = document_.nodes_[found->second];
  copy.offset = static_cast<std::uint32_t>(start);
  copy.next = 0;
  document_.nodes_.push_back(copy);
  return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
}

// --- the cursor ---------------------------------------------------------------------------------------------

bool Parser::at_indicator(char c) const { return peek() == c && is_space(at(here_ + 1)); }

bool Parser::at_comment() const { return peek() == '#' && (here_ == line_ || is_blank(at(here_ - 1))); }

bool Parser::at_line_end() const { return is_break(peek()) || at_comment(); }

bool Parser::is_marker(std::size_t offset) const {
  if (offset != 0 && at(offset - 1) != '\n') return false;
  const std::string_view start(text_ + offset, std::min<std::size_t>(3, document_.text_.size() - offset));
  return (start == "---" || start == "...") && is_space(at(offset + 3));
}

bool Parser::at_stop() const { return peek() == '\0' || is_marker(here_); }

void Parser::skip_blanks() {
  while (is_blank(peek())) ++here_;
}

void Parser::next_content() {
  const std::size_t line = line_;
  while (true) {
    skip_blanks();
    if (at_comment()) {
      while (!is_break(peek())) ++here_;
    }
    if (peek() != '\n') break;
    next_line(here_ + 1);
  }
  if (line_ != line && peek() != '\0') refuse_tab_before(here_);
}

void Parser::flow_space(int parent, std::size_t open) {
  const std::size_t line = line_;
  while (true) {
    skip_blanks();
    if (at_comment()) {
      while (!is_break(peek())) ++here_;
    }
    if (peek() != '\n') break;
    next_line(here_ + 1);
  }
  const bool outdented = line_ != line && column() <= parent && peek() != ']' && peek() != '}';
  if (at_stop() || outdented) fail(open, std::format("this \"{}\" is never closed", at(open)));
}

void Parser::end_of_line() {
  skip_blanks();
  if (!at_line_end()) fail(here_, "unexpected text behind the value");
}

void Parser::refuse_tab_before(std::size_t end) const {
  for (std::size_t i = line_; i < end; ++i) {
    if (at(i) == '\t') fail(i, "a tab in the indentation; use spaces");
  }
}

// --- the tree -----------------------------------------------------------------------------------------------

std::uint32_t Parser::add(Kind kind, std::size_t offset) {
  Node& node = document_.nodes_.emplace_back();
  node.kind = kind;
  node.offset = static_cast<std::uint32_t>(offset);
  return static_cast<std::uint32_t>(document_.nodes_.size() - 1);
}

std::uint32_t Parser::add_scalar(std::size_t offset, std::string_view text, bool plain) {
  const std::uint32_t node = add(Kind::scalar, offset);
  document_.nodes_[node].text = text;
  document_.nodes_[node].plain = plain;
  return node;
}

std::uint32_t Parser::add_unfolded(std::size_t offset, std::string text, bool plain) {
  return add_scalar(offset, document_.unfolded_.emplace_back(std::move(text)), plain);
}

void Parser::append(std::uint32_t parent, std::uint32_t& last, std::uint32_t child) {
  if (last == 0) {
    document_.nodes_[parent].first = child;
  } else {
    document_.nodes_[last].next = child;
  }
  last = child;
}

Parser::Depth::Depth(Parser& of) : parser(of) {
  if (++parser.depth_ > kDeepest) {
    --parser.depth_;
    fail(parser.here_, "nested too deeply");
  }
}

}  // namespace rouse::config::yaml
