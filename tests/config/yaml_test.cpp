#include "config/yaml.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <string>

#include "yaml_dump.hpp"

namespace rouse::config::yaml {
namespace {

std::string tree(std::string_view text) {
  const Document document{std::string(text)};
  if (!document.mistake()) return dump(document);
  const Position at = document.position(document.mistake()->offset);
  return std::format("{}:{}: {}", at.line, at.column, document.mistake()->message);
}

TEST_CASE("maps, lists and scalars of both styles") {
  CHECK(tree("a: 1\nb:\n  c: 2\n  d:\n  - 3\n  -   e: 4\n      f: 5\n  - - 6\n    - 7\ng: [8, {h: 9, i: }, ]\n") ==
        R"({"a":"1","b":{"c":"2","d":["3",{"e":"4","f":"5"},["6","7"]]},"g":["8",{"h":"9","i":""}]})");
  CHECK(tree("") == R"("")");
  CHECK(tree("a:\nb:\n- \n-\n") == R"({"a":"","b":["",""]})");
  CHECK(tree("- a\n-   - b\n") == R"(["a",["b"]])");
  CHECK(tree("{a: [], b: {}}") == R"({"a":[],"b":{}})");
  CHECK(tree("a: [1,\n  2\n]\n") == R"({"a":["1","2"]})");
  CHECK(tree("\"a\": 1\n'b' : 2\n") == R"({"a":"1","b":"2"})");
  CHECK(tree("{\"a\":1, b: 2}") == R"({"a":"1","b":"2"})");
}

TEST_CASE("comments and blank lines are no content") {
  CHECK(tree("# one\na: 1 # two\n\n   # three\nb: x#y\nc: # four\n  - 1 # five\n") ==
        R"({"a":"1","b":"x#y","c":["1"]})");
  CHECK(tree("a: [1, # one\n  2] # two\n") == R"({"a":["1","2"]})");
}

TEST_CASE("plain scalars keep what is in them and fold over lines") {
  CHECK(tree("a: b:c -d ?e \"f\" [g] h\n") == R"({"a":"b:c -d ?e \"f\" [g] h"})");
  CHECK(tree("a: one\n  two\n\n  three  \n") == R"({"a":"one two\nthree"})");
  CHECK(tree("a: -1\nb: -x\nc: ?x\nd: :x\n") == R"({"a":"-1","b":"-x","c":"?x","d":":x"})");
  CHECK(tree("[a b , http://x:80/y]") == R"(["a b","http://x:80/y"])");
}

TEST_CASE("quoted scalars with their escapes and breaks") {
  CHECK(tree(R"(['it''s', "a\"b\\c\n\x41\u00e9\U0001F600\t"])") == "[\"it's\",\"a\\\"b\\\\c\\nAé😀\\t\"]");
  CHECK(tree("a: \"one\n  two\n\n  three\\\n   four \\\n  five\"\n") == R"({"a":"one two\nthreefour five"})");
  CHECK(tree("a: 'one\n\n  two'\n") == R"({"a":"one\ntwo"})");
}

TEST_CASE("literal and folded scalars with their chomping") {
  CHECK(tree("a: |\n  one\n   two\n\n  three\n\nb: 1\n") == R"({"a":"one\n two\n\nthree\n","b":"1"})");
  CHECK(tree("a: >\n  one\n  two\n\n  three\n   four\n  five\n") == R"({"a":"one two\nthree\n four\nfive\n"})");
  CHECK(tree("- |-\n one\n- |+\n one\n\n- >2\n   x\n") == R"(["one","one\n\n"," x\n"])");
  CHECK(tree("a: |\n# no comment of the scalar\nb: 1\n") == R"({"a":"","b":"1"})");
  CHECK(tree("a: |\n  x") == R"({"a":"x"})");
}

TEST_CASE("anchors and aliases") {
  CHECK(tree("a: &x 1\nb: *x\nc: &y\n  d: [&z q, *z]\ne: *y\n") ==
        R"({"a":"1","b":"1","c":{"d":["q","q"]},"e":{"d":["q","q"]}})");
  CHECK(tree("- &a\n- b\n") == R"(["","b"])");
}

TEST_CASE("what begins and ends a document") {
  CHECK(tree("\xEF\xBB\xBF---\na: 1\n...\n# end\n") == R"({"a":"1"})");
  CHECK(tree("--- [a]\n") == R"(["a"])");
  CHECK(tree("a: 1\r\nb: 2\r\n") == R"({"a":"1","b":"2"})");
  CHECK(tree("a: 1\rb: 2") == R"({"a":"1","b":"2"})");
}

TEST_CASE("${…} may stand unquoted in flow style") {
  CHECK(tree("{a: ${X}/y, b: ${Z:-c, d}, e: $}") == R"({"a":"${X}/y","b":"${Z:-c, d}","e":"$"})");
}

TEST_CASE("each mistake is told with its place") {
  struct Mistaken {
    const char* text;
    const char* told;
  };
  const Mistaken cases[] = {
      {"a: [1\n", "1:4: this \"[\" is never closed"},
      {"a: [1\nb: 2]\n", "1:4: this \"[\" is never closed"},
      {"a: {b: 1\n---\n", "1:4: this \"{\" is never closed"},
      {"a: [1 {}]\n", "1:7: expected \",\" or \"]\" for the \"[\" of line 1"},
      {"a: {b: [] c}\n", "1:11: expected \",\" or \"}\" for the \"{\" of line 1"},
      {"a: [b: 1]\n", "1:6: a key in a list needs braces: [{key: value}]"},
      {"a: [, 1]\n", "1:5: a value cannot begin with \",\"; quote it if it is meant"},
      {"{a\n b: 1}", "1:2: a key ends on the line on which it begins; is a quote or comma missing?"},
      {"{[a]: 1}", "1:2: a key is a plain or quoted word"},
      {"[a]: 1\n", "1:1: a key is a plain or quoted word"},
      {"a: 1\n[b]: 1\n", "2:1: a key is a plain or quoted word"},
      {"a: 'x\nb: 2\n", "1:4: this quote is never closed"},
      {"a: \"x", "1:4: this quote is never closed"},
      {"a: \"\\q\"\n", "1:5: an unknown escape; to have a backslash in double quotes, write it twice"},
      {"a: \"\\x4\"\n", "1:5: \\x needs 2 hexadecimal digits"},
      {"a: \"\\0\"\n", "1:5: an unknown escape; to have a backslash in double quotes, write it twice"},
      {"a: \"\\ud800\"\n", "1:5: this is no character"},
      {"a: \"x\" y\n", "1:8: unexpected text behind the value"},
      {"a: [x] y\n", "1:8: unexpected text behind the value"},
      {"a: b: c\n", "1:5: a second \":\" on this line; quote the value, or put it on a line of its own"},
      {"a: - b\n", "1:4: a list begins on the line after its key, one \"- \" a line"},
      {"a: b\n  c: d\n", "2:4: unexpected \":\"; is the indentation right, or a quote missing?"},
      {"a:\n    b: 1\n  c: 2\n", "3:3: the indentation of this line fits nothing above it"},
      {"a: 1\n  # x\n  b: 2\n", "3:3: the indentation of this line fits nothing above it"},
      {"- a: 1\n   b: 2\n", "2:5: unexpected \":\"; is the indentation right, or a quote missing?"},
      {"- [a]\n  - b\n", "2:3: the indentation of this line fits nothing above it"},
      {"a: 1\n- b\n", "2:1: a list item (-) among keys; indent the list further than its key"},
      {"  a: 1\nb: 2\n", "2:1: this line is indented less than the first one, so it belongs to nothing"},
      {"a: 1\nb\n", "2:1: expected \"key: value\"; is there no \":\" and a space behind it?"},
      {"a: 1\nb:2\n", "2:1: expected \"key: value\"; is there no \":\" and a space behind it?"},
      {"a:\n\tb: 1\n", "2:1: a tab in the indentation; use spaces"},
      {"a: 1\n\tb: 1\n", "2:1: a tab in the indentation; use spaces"},
      {"-\ta: 1\n", "1:2: a tab in the indentation; use spaces"},
      {"a: @b\n", "1:4: a value cannot begin with \"@\"; quote it if it is meant"},
      {"a: %b\n", "1:4: a value cannot begin with \"%\"; quote it if it is meant"},
      {"a: ]\n", "1:4: a value cannot begin with \"]\"; quote it if it is meant"},
      {"a: |x\n", "1:5: a value cannot begin with \"|\"; quote it if it is meant"},
      {"a: !!str b\n", "1:4: tags (!) are not read; to begin a value with \"!\", quote it"},
      {"? a\n: b\n", "1:1: keys of several lines (?) are not read; write \"key: value\""},
      {": a\n", "1:1: a key is missing before this \":\""},
      {"%YAML 1.2\n---\n", "1:1: directives (%) are not read; remove this line"},
      {"a: 1\n---\nb: 2\n", "2:1: a second document begins here; only one is read"},
      {"a: *b\n", "1:4: nothing before this was named \"&b\"; if \"*b\" is meant as text, quote it"},
      {"a: &b [*b]\n", "1:8: nothing before this was named \"&b\"; if \"*b\" is meant as text, quote it"},
      {"a: &\n", "1:4: a name is missing behind this; to begin a value with it, quote the value"},
      {"a:\n  &b\n  c: 1\n", "2:3: an anchor (&) stands right behind its key or dash"},
      {"a: \x01\n", "1:4: a control character; only tabs and line breaks are taken"},
      {"a: \x7F\n", "1:4: a control character; only tabs and line breaks are taken"},
      {"a: é\xFF\n", "1:5: this is not UTF-8; save the file as UTF-8"},
      {"a: \xC0\x80\n", "1:4: this is not UTF-8; save the file as UTF-8"},
      {"a: \xED\xA0\x80\n", "1:4: this is not UTF-8; save the file as UTF-8"},
      {"a: \xF4\x90\x80\x80\n", "1:4: this is not UTF-8; save the file as UTF-8"},
  };
  for (const Mistaken& mistaken : cases) {
    CAPTURE(mistaken.text);
    CHECK(tree(mistaken.text) == mistaken.told);
  }
  CHECK(tree(std::string_view("a\0b", 3)) == "1:2: a control character; only tabs and line breaks are taken");
}

TEST_CASE("depth is bounded") {
  CHECK(tree(std::string(40, '[') + std::string(40, ']')).starts_with("[[[["));
  CHECK(tree(std::string(100'000, '[')).ends_with("nested too deeply"));
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  CHECK(tree(dashes).ends_with("nested too deeply"));
}

TEST_CASE("a place in a scalar is exact where the scalar is written as it is read") {
  const Document document("a: \"xy${z}\"\nb: 'it''s ${z}'\nc:\n  d${z}\n");
  REQUIRE_FALSE(document.mistake());
  const auto line_and_column = [&](const Node& scalar) {
    const Position at = document.position(document.offset_of(scalar, scalar.text.find('$')));
    return std::pair(at.line, at.column);
  };
  const Node* a = document.next(*document.child(document.root()));
  const Node* b = document.next(*document.next(*a));
  const Node* c = document.next(*document.next(*b));
  CHECK(line_and_column(*a) == std::pair(1U, 7U));
  CHECK(line_and_column(*b) == std::pair(2U, 4U));
  CHECK(line_and_column(*c) == std::pair(4U, 4U));
}

}  // namespace
}  // namespace rouse::config::yaml
