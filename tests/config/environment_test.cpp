// ${VAR} and ${VAR:-default} in values.
#include <catch2/catch_test_macros.hpp>

#include "from_text.hpp"

namespace rouse::config {
namespace {

using Lines = std::vector<std::string>;

const Environment& variables() {
  static const Environment environment_of_test = environment(
      {{"DIR", "/models"}, {"EMPTY", ""}, {"SIZE", "2GiB"}, {"N", "12"}, {"ON", "true"}, {"_x9", "u"}, {"BAD", "x"}});
  return environment_of_test;
}

// The argument that a model gets from this text.
std::string substituted(const std::string& text) {
  const std::string model = "models:\n  m:\n    engine: llama\n    source: m\n    args:\n    - ";
  const auto config = from_text(model + text + "\n", "f", variables());
  REQUIRE(config);
  return std::get<Llama>(config->models[0].engine).args.at(0);
}

Lines problems_with_variables(std::string_view text) {
  Lines lines;
  const auto config = from_text(text, "f", variables());
  REQUIRE_FALSE(config);
  for (const Problem& problem : config.error()) lines.push_back(to_string(problem));
  return lines;
}

TEST_CASE("a variable is replaced by its value, wherever it stands in a scalar") {
  CHECK(substituted("${DIR}") == "/models");
  CHECK(substituted("${DIR}/a/${N}.gguf") == "/models/a/12.gguf");
  CHECK(substituted("\"${DIR} and ${_x9}\"") == "/models and u");
  CHECK(substituted("'${DIR}'") == "/models");
  CHECK(substituted("${EMPTY}") == "");
}

TEST_CASE("a default stands in for a variable that is unset or empty") {
  CHECK(substituted("${NOPE:-x}") == "x");
  CHECK(substituted("${EMPTY:-x}") == "x");
  CHECK(substituted("${DIR:-x}") == "/models");
  CHECK(substituted("a${NOPE:-}b") == "ab");
  CHECK(substituted("${NOPE:-a:-b, c}") == "a:-b, c");
}

TEST_CASE("other dollars are dollars") {
  CHECK(substituted("$DIR") == "$DIR");
  CHECK(substituted("a$") == "a$");
  CHECK(substituted("'$${DIR}'") == "${DIR}");
  CHECK(substituted("'$$'") == "$$");
}

TEST_CASE("every kind of value may come from the environment, and is not read as YAML again") {
  const auto config =
      from_text(R"(budgets: {host: {limit: "${SIZE}"}}
limits: {connections: "${N}"}
models:
  m: {engine: llama, source: "${DIR}/m.gguf", pinned: "${ON}", aliases: ["a-${_x9}"], priority: "${NOPE:-high}"}
)",
                "f", environment({{"SIZE", "2GiB"}, {"N", "12"}, {"ON", "true"}, {"_x9", "u"}, {"DIR", "[d]"}}));
  REQUIRE(config);
  CHECK(config->budgets.host.limit == std::variant<Bytes, Percent>(gib(2)));
  CHECK(config->limits.connections == 12);
  const Model& m = config->models[0];
  CHECK(std::get<Llama>(m.engine).source == "[d]/m.gguf");
  CHECK(m.pinned);
  CHECK(m.aliases == std::vector<std::string>{"a-u"});
  CHECK(m.priority == core::Priority::high);
}

TEST_CASE("a ~ from the environment is expanded") {
  const auto config = from_text("models: {m: {engine: llama, source: '${FILE}'}}", "f",
                                environment({{"FILE", "~/m.gguf"}, {"HOME", "/home/ada"}}));
  REQUIRE(config);
  CHECK(std::get<Llama>(config->models[0].engine).source == "/home/ada/m.gguf");
}

TEST_CASE("a variable that is not set is told where it stands, each of them") {
  CHECK(problems_with_variables("limits:\n  body: a${NOPE}b${NEITHER}\n") ==
        Lines{"f:2:10: the environment variable NOPE is not set; set it, or write ${NOPE:-default}",
              "f:2:18: the environment variable NEITHER is not set; set it, or write ${NEITHER:-default}"});
}

TEST_CASE("what is no variable is told") {
  CHECK(problems_with_variables("limits: {body: \"${\"}") ==
        Lines{"f:1:17: \"${\" without \"}\"; for the characters themselves write \"$${\""});
  for (const char* name : {"", "1A", "A B", "A-", ":-x"}) {
    CAPTURE(name);
    const Lines lines = problems_with_variables("limits: {body: \"${" + std::string(name) + "}\"}");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].ends_with("is not the name of a variable; expected ${NAME} or ${NAME:-default}"));
  }
}

TEST_CASE("a wrong value from the environment is shown with its source") {
  CHECK(problems_with_variables("limits:\n  body: ${BAD}") ==
        Lines{"f:2:9: body: expected a size such as 512MiB or 8GiB, found \"${BAD}\", which is \"x\""});
}

TEST_CASE("keys are not replaced") {
  CHECK(problems_with_variables("\"${DIR}\": 1").at(0).starts_with("f:1:1: unknown key \"${DIR}\" in the file"));
}

TEST_CASE("a ~ needs HOME, and that of another user is not expanded") {
  CHECK(problems_with_variables("models: {m: {engine: llama, source: ~/m}}") ==
        Lines{"f:1:37: source: \"~/m\" needs the environment variable HOME, which is not set"});
  CHECK(problems_with_variables("models: {m: {engine: llama, source: ~bob/m}}") ==
        Lines{"f:1:37: source: \"~bob/m\": only ~/ is expanded, not another user's ~; write the whole path"});
}

}  // namespace
}  // namespace rouse::config
