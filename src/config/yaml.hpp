// Reads the YAML that configuration files are written in, and keeps where everything stands.
//
// Maps, lists and scalars in both styles, block and flow; plain, quoted, literal (|) and folded (>) scalars,
// comments, anchors and aliases. Not: tags, complex keys (? …), directives and several documents in one file; each of
// those is a mistake with its place. One thing YAML does not know is taken: ${…} may stand unquoted inside [ ] and
// { }. docs/adr/0008-yaml-reader.md says why this is no library: those at hand need 3 to 30 ms for a thousand models,
// this one less than 1, of a start that may take 15.
//
// A Document owns its text and its nodes; it neither copies nor moves, and views into it live as long as it does.
// One thread at a time. Nothing is ever thrown; what a text of any bytes costs is linear in its length.
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
  std::uint32_t offset = 0;  // where it begins in the text
  std::uint32_t first = 0;   // its first child; a map's children are key, value, key, value, …
  std::uint32_t next = 0;    // its next sibling; 0: none
  std::string_view text;     // of a scalar, unquoted and unfolded

  bool is_nothing() const { return kind == Kind::scalar && plain && (text.empty() || text == "~" || text == "null"); }
};

struct Mistake {
  std::size_t offset = 0;
  std::string message;
};

struct Position {  // both count from 1; the column counts characters
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

class Document {
 public:
  explicit Document(std::string text);
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
  friend class Parser;

  std::string text_;
  std::vector<std::uint32_t> lines_;  // where each begins
  std::vector<Node> nodes_;           // [0] is nobody, so that 0 can mean none
  std::deque<std::string> unfolded_;  // texts of scalars that are not written as they are read
  std::uint32_t root_ = 0;
  std::optional<Mistake> mistake_;
};

}  // namespace rouse::config::yaml
