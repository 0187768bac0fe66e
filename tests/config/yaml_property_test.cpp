// Our reader against another implementation: what yaml-cpp writes, in every style it has, we read to the same tree.
#include <yaml-cpp/yaml.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <string>

#include "config/yaml.hpp"
#include "yaml_dump.hpp"

namespace rouse::config::yaml {
namespace {

// Writes a random tree twice: through yaml-cpp, and as the JSON that our reader should make of that.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  void write(int depth, bool in_flow) {
    const unsigned kind = depth == 0 ? 0 : pick(3);
    if (kind == 0) {
      text(false);
      return;
    }
    const bool flow = in_flow || pick(3) == 0;
    out << (flow ? YAML::Flow : YAML::Block);
    if (kind == 1) {
      out << YAML::BeginSeq;
      items(depth, flow, '[', ']', [] {});
      out << YAML::EndSeq;
    } else {
      out << YAML::BeginMap;
      items(depth, flow, '{', '}', [&] {
        out << YAML::Key;
        text(true);
        out << YAML::Value;
        json += ':';
      });
      out << YAML::EndMap;
    }
  }

  YAML::Emitter out;
  std::string json;

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

  template <class BeforeItem>
  void items(int depth, bool flow, char open, char close, BeforeItem before_item) {
    json += open;
    for (unsigned left = pick(4); left > 0; --left) {
      before_item();
      write(depth - 1, flow);
      if (left > 1) json += ',';
    }
    json += close;
  }

  void text(bool is_key) {
    static constexpr std::array kTexts{"a",           "chat",
                                       "foo bar",     "x: y",
                                       "#no",         "a #b",
                                       "- q",         "",
                                       "~",           "on",
                                       "8GiB",        "80%",
                                       "it's",        "\"hi\"",
                                       "tab\there",   "two\nlines",
                                       "\n lead",     "a\n\nb\n",
                                       "end\n\n",     "[x]",
                                       "{y}",         "*a",
                                       "&b",          "!t",
                                       "%d",          "@x",
                                       "`q`",         "a:b",
                                       "-- -",        "..",
                                       " lead",       "trail ",
                                       "\\n",         "?",
                                       ":",           "-",
                                       "-a",          "null",
                                       "a,b",         "| > x",
                                       "ä…😀",        "http://x:80/y?z#f",
                                       "${X}",        "$",
                                       "a'b\"c",      "line one\n  deeper\nthree\n",
                                       "one\n\ntwo\n"};
    const std::string text = kTexts[pick(kTexts.size())];
    // yaml-cpp writes no indicator with a literal, so that other ends and beginnings would be lost.
    const bool literal_keeps = text.ends_with('\n') && !text.ends_with("\n\n") && !text.starts_with('\n');
    switch (pick(4)) {
      case 0: out << YAML::SingleQuoted; break;
      case 1: out << YAML::DoubleQuoted; break;
      case 2:
        if (!is_key && literal_keeps) out << YAML::Literal;
        break;
      default: break;
    }
    out << text;
    dump_text(text, json);
  }

  std::mt19937_64 random_;
};

TEST_CASE("what another implementation writes is read to the same tree") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Writer writer(seed);
    writer.write(4, false);
    REQUIRE(writer.out.good());
    const std::string text = writer.out.c_str();
    const Document document{std::string(text)};
    CAPTURE(seed, text);
    REQUIRE_FALSE(document.mistake().has_value());
    REQUIRE(dump(document) == writer.json);
  }
}

TEST_CASE("reading any cut or altered text ends, with a tree or a mistake inside the text") {
  constexpr std::string_view kOdd = " \n:-#[]{},\"'|>&*%\t\\ax\xC3";
  std::size_t mistakes = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Writer writer(seed);
    writer.write(4, false);
    std::string text = writer.out.c_str();
    std::mt19937_64 random(seed);
    for (int i = 0; i < 3 && !text.empty(); ++i) text[random() % text.size()] = kOdd[random() % kOdd.size()];
    text.resize(random() % (text.size() + 1));
    const Document document{std::string(text)};
    CAPTURE(seed, text);
    if (document.mistake()) {
      ++mistakes;
      REQUIRE(document.mistake()->offset <= text.size());
      REQUIRE_FALSE(document.mistake()->message.empty());
    } else {
      REQUIRE_FALSE(dump(document).empty());
    }
  }
  CHECK(mistakes > 300);
}

}  // namespace
}  // namespace rouse::config::yaml
