// The parser behind yaml::Document: recursive descent over text that is known to be UTF-8 without control characters.
//
// A function that reads something begins at its first character and ends right behind its last one; only block maps
// and lists end at the content that follows them. `parent` is the column of the enclosing block: what belongs to it
// stands further right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/yaml.hpp"

namespace rouse::config::yaml {

class Parser {
 public:
  explicit Parser(Document& document);

  struct Failure {  // thrown by what follows, caught by Document's constructor
    std::size_t offset;
    std::string message;
  };

  void parse();

 private:
  enum class Spot : std::uint8_t { own_line, after_dash, after_key };  // where a value begins decides what it may be

  // structure: yaml_parser.cpp
  std::uint32_t value(int column, Spot spot, std::uint32_t when_empty);
  std::uint32_t block_node(int parent, Spot spot);
  std::uint32_t block_list(int column);
  std::uint32_t block_map(int column, std::uint32_t key);
  std::uint32_t key_of_block_map();
  std::uint32_t flow_node(int parent);
  std::uint32_t flow_list(int parent);
  std::uint32_t flow_map(int parent);
  std::string_view anchor_name();
  std::uint32_t alias();

  // scalars: yaml_scalars.cpp
  std::string_view plain_line(bool in_flow);
  std::uint32_t plain_scalar(int parent, bool in_flow);
  std::uint32_t quoted_scalar(int parent);
  void escape(std::string& out);
  void fold_break(int parent, std::size_t open, std::string& out);
  std::uint32_t block_scalar(int parent);
  std::size_t block_scalar_indent(int parent, std::size_t given) const;

  // the cursor
  char at(std::size_t offset) const { return text_[offset]; }  // '\0' at the end
  char peek() const { return text_[here_]; }
  int column() const { return static_cast<int>(here_ - line_); }
  bool at_indicator(char c) const;  // c, then a blank or the end of the line
  bool at_comment() const;
  bool at_line_end() const;                  // or at a comment
  bool is_marker(std::size_t offset) const;  // "---" or "..." of its own
  bool at_stop() const;                      // nothing of this document follows
  void skip_blanks();
  void next_line(std::size_t begin) { here_ = line_ = begin; }
  void next_content();  // over blanks, breaks and comments
  void flow_space(int parent, std::size_t open);
  void end_of_line();                             // nothing but a comment may follow
  void refuse_tab_before(std::size_t end) const;  // on this line
  [[noreturn]] static void fail(std::size_t offset, std::string message);

  // the tree
  std::uint32_t add(Kind kind, std::size_t offset);
  std::uint32_t add_scalar(std::size_t offset, std::string_view text, bool plain);
  std::uint32_t add_unfolded(std::size_t offset, std::string text, bool plain);
  void append(std::uint32_t parent, std::uint32_t& last, std::uint32_t child);

  struct Depth {
    explicit Depth(Parser& parser);
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  Document& document_;
  const char* text_;
  std::size_t here_ = 0;
  std::size_t line_ = 0;  // where the line of here_ begins
  int depth_ = 0;
  std::unordered_map<std::string_view, std::uint32_t> anchors_;
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_break(char c) { return c == '\n' || c == '\0'; }
constexpr bool is_space(char c) { return is_blank(c) || is_break(c); }
constexpr bool is_flow_indicator(char c) { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}'; }

}  // namespace rouse::config::yaml
