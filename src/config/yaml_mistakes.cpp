// What libyaml says about a text that is no YAML, in words for whoever wrote it, and at the place to look at.
#include <algorithm>
#include <array>
#include <format>

#include "config/yaml_builder.hpp"

namespace rouse::config::yaml {
namespace {

enum class Where : std::uint8_t { problem, context };  // where libyaml stopped, or where what it was reading begins

struct Told {
  std::string_view said;  // a piece of libyaml's context or problem; the first that fits counts
  Where where;
  std::string_view message;
};

constexpr const char* kTab = "a tab in the indentation; use spaces";
constexpr const char* kTag = "tags (!) are not read; to begin a value with \"!\", quote it";
constexpr const char* kDirective = "directives (%) are not read; remove this line";
constexpr const char* kName =
    "a name of letters, digits, - and _ belongs behind this; to begin a value with it, quote the value";
constexpr const char* kUnclosedQuote = "this quote is never closed";

constexpr std::array kTold{
    Told{"found a tab character", Where::problem, kTab},
    Told{"found undefined tag handle", Where::problem, kTag},
    Told{" a tag", Where::context, kTag},
    Told{"directive", Where::context, kDirective},
    Told{"found incompatible YAML document", Where::problem, kDirective},
    Told{"while scanning an anchor", Where::context, kName},
    Told{"while scanning an alias", Where::context, kName},
    Told{"while scanning a block scalar", Where::context,
         "expected a line break behind this; to begin a value with it, quote the value"},
    Told{"found unexpected document indicator", Where::context, kUnclosedQuote},
    Told{"found unexpected end of stream", Where::context, kUnclosedQuote},
    Told{"found unknown escape", Where::problem,
         "an unknown escape; to have a backslash in double quotes, write it twice"},
    Told{"expected hexdecimal number", Where::problem, "hexadecimal digits are missing: \\x needs 2, \\u 4, \\U 8"},
    Told{"found invalid Unicode", Where::problem, "this is no character"},
    Told{"could not find expected ':'", Where::context,
         "expected \"key: value\"; is there no \":\" and a space behind it?"},
    Told{"found unexpected ':'", Where::problem,
         "expected a space behind this \":\"; quote the word if the \":\" belongs to it"},
    Told{"mapping keys are not allowed", Where::problem, "a \"?\" cannot stand here; quote the value if it is meant"},
    Told{"block sequence entries are not allowed", Where::problem,
         "a list begins on the line after its key, one \"- \" a line"},
};

// Where a character begins, in bytes.
std::size_t byte_of(std::string_view text, std::size_t offset) {
  std::size_t byte = 0;
  while (byte < text.size() && (offset > 0 || characters(text.substr(byte, 1)) == 0)) {
    offset -= characters(text.substr(byte++, 1));
  }
  return byte;
}

// What stands before this on its line.
std::string_view line_before(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte);
  return before.substr(before.find_last_of("\r\n") + 1);  // npos + 1 is 0
}

}  // namespace

Mistake Builder::mistake(const yaml_parser_t& parser) const {
  const std::string_view problem = parser.problem == nullptr ? "" : parser.problem;
  const std::string_view context = parser.context == nullptr ? "" : parser.context;
  if (parser.error == YAML_READER_ERROR) {
    return {characters(text_.substr(0, parser.problem_offset)),
            problem.contains("control") ? "a control character; only tabs and line breaks are taken"
                                        : "this is not UTF-8; save the file as UTF-8"};
  }
  for (const Told& told : kTold) {
    if (!context.contains(told.said) && !problem.contains(told.said)) continue;
    return {told.where == Where::problem ? parser.problem_mark.index : parser.context_mark.index,
            std::string(told.message)};
  }
  const std::size_t offset = parser.problem_mark.index;
  if (problem.contains("mapping values are not allowed")) return colon(offset);
  if (!open_.empty() && open_.back().flow) return in_flow(problem, offset);
  if (problem.contains("cannot start any token") || problem.contains("expected node content")) {
    return bad_beginning(offset);
  }
  if (problem.contains("expected key") || problem.contains("expected '-'") || problem.contains("<document start>")) {
    return misplaced(problem, offset);
  }
  return {offset, std::format("this is not YAML: {} {}", context, problem)};
}

Mistake Builder::in_flow(std::string_view problem, std::size_t offset) const {
  const Node& opened = document_.nodes_[open_.back().node];
  const char bracket = opened.kind == Kind::list ? '[' : '{';
  std::size_t block_column = 0;  // what this belongs to in block style, if anything
  for (const Open& open : open_) {
    if (!open.flow) block_column = document_.position(document_.nodes_[open.node].offset).column;
  }
  const std::size_t byte = byte_of(text_, offset);
  const std::string_view before = line_before(text_, byte);
  const bool outdented = std::min(before.find_first_not_of(" \t"), before.size()) < block_column &&
                         document_.position(offset).line > document_.position(opened.offset).line;
  if (byte == text_.size() || outdented) return {opened.offset, std::format("this \"{}\" is never closed", bracket)};
  if (byte > 0 && text_.substr(byte - 1).starts_with("${")) {
    return {offset - 1, "inside [ ] and { }, a value with ${…} needs quotes around it: \"${…}\""};
  }
  if (!problem.contains("',' or")) return bad_beginning(offset);
  return {offset, std::format("expected \",\" or \"{}\" for the \"{}\" of line {}", bracket == '[' ? ']' : '}', bracket,
                              document_.position(opened.offset).line)};
}

Mistake Builder::bad_beginning(std::size_t offset) const {
  const std::size_t byte = byte_of(text_, offset);
  const std::string_view character = text_.substr(byte, byte_of(text_, offset + 1) - byte);
  if (character == "\t") return {offset, kTab};
  return {offset, std::format("a value cannot begin with \"{}\"; quote it if it is meant", character)};
}

Mistake Builder::colon(std::size_t offset) const {
  if (line_before(text_, byte_of(text_, offset)).contains(": ")) {
    return {offset, "a second \":\" on this line; quote the value, or put it on a line of its own"};
  }
  return {offset, "unexpected \":\"; is the indentation right, or a quote missing?"};
}

Mistake Builder::misplaced(std::string_view problem, std::size_t offset) const {
  if (!begun_) return {offset, kDirective};
  const std::size_t byte = byte_of(text_, offset);
  if (line_before(text_, byte).find_first_not_of(" \t") != std::string_view::npos) {
    return {offset, std::format("unexpected text behind the value; is a quote missing in line {}?",
                                document_.position(document_.nodes_.back().offset).line)};
  }
  if (text_.substr(byte).starts_with(':')) return {offset, "a key is missing before this \":\""};
  const bool is_item = text_.substr(byte).starts_with('-');
  if (problem.contains("expected key") && is_item)
    return {offset, "a list item (-) among keys; is the indentation right?"};
  if (problem.contains("expected '-'") && !is_item)
    return {offset, "a key among list items (-); is the indentation right?"};
  return {offset, "the indentation of this line fits nothing above it"};
}

}  // namespace rouse::config::yaml
