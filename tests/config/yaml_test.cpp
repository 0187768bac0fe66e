#include "config/yaml.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <random>
#include <string>

#include "yaml_dump.hpp"

namespace rouse::config::yaml {
namespace {

std::string tree(std::string_view text) {
  const Document document(text);
  if (!document.mistake()) return dump(document);
  const Position at = document.position(document.mistake()->offset);
  return std::format("{}:{}: {}", at.line, at.column, document.mistake()->message);
}

// Where each node stands, in the order of the text.
std::string places(std::string_view text) {
  const Document document(text);
  REQUIRE_FALSE(document.mistake());
  std::string out;
  const auto visit = [&](const auto& self, const Node& node) -> void {
    const Position at = document.position(node.offset);
    out += std::format("{}{}:{}", out.empty() ? "" : " ", at.line, at.column);
    for (const Node* child = document.child(node); child != nullptr; child = document.next(*child)) self(self, *child);
  };
  visit(visit, document.root());
  return out;
}

TEST_CASE("block and flow style and every kind of scalar become one kind of tree") {
  CHECK(tree("a: 1 # one\n'b':\n  c: \"x\\ty\"\n  d:\n  - 3\n  -   e: |\n        4\n      f: >-\n        5\n        6\n"
             "  - - 7\n    - 8 9\n      10\n\"g\": [11, {h: 'it''s', i: }, ]\n") ==
        R"({"a":"1","b":{"c":"x\ty","d":["3",{"e":"4\n","f":"5 6"},["7","8 9 10"]]},"g":["11",{"h":"it's","i":""}]})");
  CHECK(tree("{a: [], b: {}}") == R"({"a":[],"b":{}})");
  CHECK(tree("---\na: 1\n...\n# end\n") == R"({"a":"1"})");
}

TEST_CASE("what is not there is an empty scalar") {
  CHECK(tree("") == R"("")");
  CHECK(tree("# nothing\n") == R"("")");
  CHECK(tree("---\n...\n") == R"("")");
  CHECK(tree("a:\nb:\n- \n-\n") == R"({"a":"","b":["",""]})");
  CHECK(tree("{a, b: }") == R"({"a":"","b":""})");
}

TEST_CASE("only a plain scalar means nothing") {
  const Document document("[~, null, '~', \"null\", '', x]");
  REQUIRE_FALSE(document.mistake());
  std::string nothing;
  for (const Node* item = document.child(document.root()); item != nullptr; item = document.next(*item)) {
    nothing += item->is_nothing() ? '1' : '0';
  }
  CHECK(nothing == "110000");
}

TEST_CASE("an alias stands for the whole of what was named last") {
  CHECK(tree("a: &x 1\nb: *x\nc: &y\n  d: [&z q, *z]\ne: *y\nf: &x 2\ng: *x\n") ==
        R"({"a":"1","b":"1","c":{"d":["q","q"]},"e":{"d":["q","q"]},"f":"2","g":"2"})");
  CHECK(tree("- &a\n- *a\n- b\n") == R"(["","","b"])");
}

TEST_CASE("every node knows its line and column") {
  CHECK(places("a: 1\nb:\n  - x\n  - {c: 'y', d: [z]}\n") == "1:1 1:1 1:4 2:1 3:3 3:5 4:5 4:6 4:9 4:14 4:17 4:18");
  CHECK(places("a: &n [1]\nb: *n\n") == "1:1 1:1 1:4 1:8 2:1 2:4 1:8");
  CHECK(places("- |\n  x\n- \"y\n  z\"\n- w\n") == "1:1 1:3 3:3 5:3");
}

TEST_CASE("what is not there stands at its key or dash") {
  CHECK(places("ab:\ncd: {e: , f}\n") == "1:1 1:1 1:1 2:1 2:5 2:6 2:6 2:11 2:11");
  CHECK(places("a:\n  -\n  - b\n") == "1:1 1:1 2:3 2:3 3:5");
  CHECK(places("a:\n-\n-\n") == "1:1 1:1 2:1 2:1 3:1");
}

TEST_CASE("lines end with LF, CR LF or CR, columns count characters, and a byte order mark has none") {
  CHECK(places("a: 1\r\nb: |\r\n  x\r\nc: 2\r\n") == "1:1 1:1 1:4 2:1 2:4 4:1 4:4");
  CHECK(places("a: 1\rb: 2") == "1:1 1:1 1:4 2:1 2:4");
  CHECK(places("ü…😀: é\nb: c\n") == "1:1 1:1 1:6 2:1 2:4");
  CHECK(places("\xEF\xBB\xBF"
               "a: b") == "1:1 1:1 1:4");
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
      {"a:\n  b: {c: 1\n  d: {e: 2}\n", "2:6: this \"{\" is never closed"},
      {"a: [1,\n    2\n    b: 3]\n", "3:6: expected \",\" or \"]\" for the \"[\" of line 1"},
      {"a: &n [1\n", "1:4: this \"[\" is never closed"},
      {"a: [1 {}]\n", "1:7: expected \",\" or \"]\" for the \"[\" of line 1"},
      {"a: {b: [] c}\n", "1:11: expected \",\" or \"}\" for the \"{\" of line 1"},
      {"a: [b: 1]\n", "1:5: a key in a list needs braces: [{key: value}]"},
      {"a: [, 1]\n", "1:5: a value cannot begin with \",\"; quote it if it is meant"},
      {"{a\n b: 1}", "2:3: expected \",\" or \"}\" for the \"{\" of line 1"},
      {"{[a]: 1}", "1:2: a key is a plain or quoted word"},
      {"[a]: 1\n", "1:1: a key is a plain or quoted word"},
      {"a: 1\n[b]: 1\n", "2:1: a key is a plain or quoted word"},
      {"a: 'x\nb: 2\n", "1:4: this quote is never closed"},
      {"a: \"x", "1:4: this quote is never closed"},
      {"a: \"\\q\"\n", "1:5: an unknown escape; to have a backslash in double quotes, write it twice"},
      {"a: \"\\x4\"\n", "1:7: hexadecimal digits are missing: \\x needs 2, \\u 4, \\U 8"},
      {"a: \"\\0\"\n", "1:4: the character \\0 cannot be part of a text"},
      {"a: \"\\ud800\"\n", "1:7: this is no character"},
      {"a: 'x\nb: 'y'\n", "2:5: unexpected text behind the value; is a quote missing in line 1?"},
      {"a: \"x\" y\n", "1:8: unexpected text behind the value; is a quote missing in line 1?"},
      {"a: [x] y\n", "1:8: unexpected text behind the value; is a quote missing in line 1?"},
      {"a: b: c\n", "1:5: a second \":\" on this line; quote the value, or put it on a line of its own"},
      {"a: - b\n", "1:4: a list begins on the line after its key, one \"- \" a line"},
      {"a: b\n  c: d\n", "2:4: unexpected \":\"; is the indentation right, or a quote missing?"},
      {"a:\n    b: 1\n  c: 2\n", "3:3: the indentation of this line fits nothing above it"},
      {"a: 1\n  # x\n  b: 2\n", "3:3: the indentation of this line fits nothing above it"},
      {"- a: 1\n   b: 2\n", "2:5: unexpected \":\"; is the indentation right, or a quote missing?"},
      {"- a\nb: 1\n", "2:1: a key among list items (-); is the indentation right?"},
      {"- [a]\n  - b\n", "2:3: the indentation of this line fits nothing above it"},
      {"a: 1\n- b\n", "2:1: a list item (-) among keys; is the indentation right?"},
      {"  a: 1\nb: 2\n", "2:1: the indentation of this line fits nothing above it"},
      {"a: 1\nb\n", "2:1: expected \"key: value\"; is there no \":\" and a space behind it?"},
      {"a: 1\nb:2\n", "2:1: expected \"key: value\"; is there no \":\" and a space behind it?"},
      {"a:\n\tb: 1\n", "2:1: a tab in the indentation; use spaces"},
      {"a: 1\n\tb: 1\n", "2:1: a tab in the indentation; use spaces"},
      {"-\ta: 1\n", "1:2: a tab in the indentation; use spaces"},
      {"a: @b\n", "1:4: a value cannot begin with \"@\"; quote it if it is meant"},
      {"a: %b\n", "1:4: a value cannot begin with \"%\"; quote it if it is meant"},
      {"a: ]\n", "1:4: a value cannot begin with \"]\"; quote it if it is meant"},
      {"a: |x\n", "1:4: expected a line break behind this; to begin a value with it, quote the value"},
      {"a: !!str b\n", "1:4: tags (!) are not read; to begin a value with \"!\", quote it"},
      {"? - a\n: b\n", "1:3: a key is a plain or quoted word"},
      {"a: ? b\n", "1:4: a \"?\" cannot stand here; quote the value if it is meant"},
      {"&a b: c\n", "1:1: a key is a plain or quoted word"},
      {"a: &b c\n*b : d\n", "2:1: a key is a plain or quoted word"},
      {": a\n", "1:1: a key is missing before this \":\""},
      {"%TAG ! !x\n---\n", "1:1: directives (%) are not read; remove this line"},
      {"%YAML 9.9\n---\n", "1:1: directives (%) are not read; remove this line"},
      {"a: !x!y b\n", "1:4: tags (!) are not read; to begin a value with \"!\", quote it"},
      {"a: !<x b\n", "1:4: tags (!) are not read; to begin a value with \"!\", quote it"},
      {"%YAML 1.2\n---\n", "1:1: directives (%) are not read; remove this line"},
      {"a: 1\n---\nb: 2\n", "2:1: a second document begins here; only one is read"},
      {"a: *b\n", "1:4: nothing before this was named \"&b\"; if \"*b\" is meant as text, quote it"},
      {"a: &b [*b]\n", "1:8: nothing before this was named \"&b\"; if \"*b\" is meant as text, quote it"},
      {"a: &\n",
       "1:4: a name of letters, digits, - and _ belongs behind this; to begin a value with it, quote the value"},
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

TEST_CASE("${…} unquoted in flow style is told where it stands, with what to do") {
  const std::string told = "inside [ ] and { }, a value with ${…} needs quotes around it: \"${…}\"";
  CHECK(tree("a: {b: ${X}/y}\n") == "1:8: " + told);
  CHECK(tree("a: [b,\n    é-${X:-{c, d}}]\n") == "2:7: " + told);
  CHECK(tree("{${X}: 1}") == "1:2: " + told);
  CHECK(tree("a: ${X}-${Y:-b, c}\nd: [\"${X}\", '${Y:-}', $e, f$]") ==
        R"({"a":"${X}-${Y:-b, c}","d":["${X}","${Y:-}","$e","f$"]})");
}

TEST_CASE("depth and what aliases stand for are bounded") {
  CHECK(tree(std::string(40, '[') + std::string(40, ']')).starts_with("[[[["));
  CHECK(tree(std::string(100'000, '[')) == "1:65: nested too deeply");
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  CHECK(tree(dashes) == "1:129: nested too deeply");

  std::string bomb = "a0: &a0 x\n";
  for (int i = 1; i < 60; ++i) bomb += std::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  CHECK(tree(bomb).ends_with("with its aliases (*) written out, the file is larger than 64 MiB"));
}

TEST_CASE("any cut or altered text is read, or refused in plain words at a place inside it") {
  constexpr std::string_view kText =
      "%YAML 1.2\n---\nlisten: \"127.0.0.1:\\x31\\u0032\" # here\nbudgets: {host: {limit: 8GiB}, gpu0: "
      "'80%'}\nmodels:\n"
      "  chat: &chat\n    args: [--a, \"b\\n\", 'it''s', x]\n    text: |+\n      one\n       two\n\n  more:\n"
      "    <<: *chat\n    lora:\n    - path: a\n      scale: 1\n    - ? path\n      : >-\n       b\n...\n";
  constexpr std::string_view kOdd = " \n\r:-#[]{},\"'|>&*%!?@\t\\ax.0\xC3\x01";
  std::size_t mistakes = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string text(kText.substr(random() % 8 == 0 ? 0 : 14));
    for (std::size_t left = random() % 4; left > 0; --left) text[random() % text.size()] = kOdd[random() % kOdd.size()];
    if (random() % 4 == 0) text.erase(0, random() % text.size());
    if (random() % 4 == 0) text.resize(random() % text.size());
    const Document document(text);
    CAPTURE(seed, text);
    if (document.mistake()) {
      ++mistakes;
      REQUIRE(document.mistake()->offset <= text.size());
      CAPTURE(document.mistake()->message);
      REQUIRE_FALSE(document.mistake()->message.contains("this is not YAML"));
    } else {
      REQUIRE_FALSE(dump(document).empty());
    }
  }
  CHECK(mistakes > 2'000);
  CHECK(mistakes < 18'000);
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
