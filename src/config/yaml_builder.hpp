// Builds a Document's tree out of libyaml's events; lives as long as the Document's constructor.
#pragma once

#include <yaml.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/yaml.hpp"

namespace rouse::config::yaml {

constexpr std::size_t kLargest = 64 * 1024 * 1024;

class Builder {
 public:
  Builder(Document& document, std::string_view text)
      : document_(document), text_(text), one_byte_each_(characters(text) == text.size()) {}

  void build();  // the whole tree, or the first mistake

 private:
  struct Open {  // a list or map that has not ended
    std::uint32_t node = 0;
    bool flow = false;
    bool at_key = false;     // the next child is a key
    std::uint32_t last = 0;  // its last child
    std::string anchor;
    std::size_t written_out = 0;  // when it began
  };
  struct Named {
    std::uint32_t node = 0;
    std::size_t length = 0;  // of what it stands for, in characters, aliases written out
  };
  using Char = const yaml_char_t*;

  // libyaml's events
  void take(const yaml_event_t& event);
  void begin_document(const yaml_event_t& event);
  void scalar(const yaml_event_t& event);
  void alias(std::size_t offset, Char name);
  void begin(Kind kind, const yaml_event_t& event, Char anchor, Char tag, bool flow);
  void end(std::size_t offset);

  std::uint32_t add(const Node& node);  // as the next child of what is open
  bool refuses(std::size_t offset, Char anchor, Char tag, bool scalar);
  void fail(std::size_t offset, std::string message);

  // libyaml's mistakes, in words for those who write configurations: yaml_mistakes.cpp
  Mistake mistake(const yaml_parser_t& parser) const;
  Mistake in_flow(std::string_view problem, std::size_t offset) const;
  Mistake misplaced(std::string_view problem, std::size_t offset) const;
  Mistake bad_beginning(std::size_t offset) const;
  Mistake colon(std::size_t offset) const;

  Document& document_;
  std::string_view text_;
  bool one_byte_each_;  // are the characters, so that a place is an index into the text
  bool begun_ = false;
  std::vector<Open> open_;
  std::unordered_map<std::string, Named> named_;
  std::size_t written_out_ = 0;  // the characters that aliases stand for
};

}  // namespace rouse::config::yaml
