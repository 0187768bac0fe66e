// A YAML document as a tree that keeps where everything stands, read by libyaml (docs/adr/0008-libyaml.md).
//
// Maps, lists and scalars in every style, comments, anchors and aliases. Not: tags, maps or lists as keys, directives
// and several documents in one file; each of those is a mistake with its place, and so is ${…} unquoted inside [ ] or
// { }, where braces mean a map.
//
// Places are offsets, which count the characters of the text. A Document owns its nodes and looks into the text, which
// has to outlive it; it neither copies nor moves, and views into it live as long as it does. One thread at a time. No
// text makes it throw, nest deeper than 64, or take more than 64 MiB as written, aliases written out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::config::yaml {

enum class Kind : std::uint8_t { scalar, list, map };

struct Node {
  Kind kind = Kind::scalar;
  bool plain = true;         // an unquoted scalar: only such a one can mean "nothing"
  bool as_written = false;   // a scalar whose text stands in the file as it is read, between its quotes if it has some
  std::uint32_t offset = 0;  // where it begins
  std::uint32_t first = 0;   // its first child; a map's children are key, value, key, value, …
  std::uint32_t next = 0;    // its next sibling; 0: none
  std::string_view text = {};  // of a scalar, unquoted and unfolded

  bool is_nothing() const { return kind == Kind::scalar && plain && (text.empty() || text == "~" || text == "null"); }
};

struct Mistake {
  std::size_t offset = 0;
  std::string message;
};

struct Position {  // both count from 1
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

class Document {
 public:
  explicit Document(std::string_view text);
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const std::optional<Mistake>& mistake() const { return mistake_; }  // if there is one, there is no root

  const Node& root() const { return nodes_[root_]; }
  const Node* child(const Node& parent) const { return parent.first == 0 ? nullptr : &nodes_[parent.first]; }
  const Node* next(const Node& sibling) const { return sibling.next == 0 ? nullptr : &nodes_[sibling.next]; }

  Position position(std::size_t offset) const;
  // Where a piece of a scalar's text stands: exactly if the scalar is written as it is read, else where it begins.
  std::size_t offset_of(const Node& scalar, std::size_t in_text) const;

 private:
  friend class Builder;

  std::vector<std::uint32_t> lines_;  // where each begins
  std::vector<Node> nodes_;           // [0] is nobody, so that 0 can mean none; as a root it is nothing
  std::deque<std::string> texts_;     // of the scalars that do not stand in the text as they are read
  std::uint32_t root_ = 0;
  std::optional<Mistake> mistake_;
};

// How many characters these bytes are.
std::size_t characters(std::string_view utf8);

}  // namespace rouse::config::yaml
