#include "cli/described.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "cli/arguments.hpp"
#include "fake_daemon.hpp"

namespace rouse::cli {
namespace {

using test::Run;

const DescribedCommand& command(const std::vector<DescribedCommand>& all, std::string_view name) {
  return *std::ranges::find(all, name, &DescribedCommand::name);
}

TEST_CASE("commands are described as the parser knows them, the hidden ones left out") {
  const auto all = described_commands();
  const std::string help = Run{}({"--help"}).out;
  for (const DescribedCommand& each : all) {
    INFO(each.name);
    CHECK(help.contains("  " + each.name + " "));
    CHECK_FALSE(each.about.empty());
    for (const DescribedOption& option : each.options) CHECK_FALSE(option.about.empty());
  }
  CHECK_FALSE(std::ranges::contains(all, "__models", &DescribedCommand::name));
  const DescribedCommand& serve = command(all, "serve");
  const auto config =
      std::ranges::find(serve.options, std::vector<std::string>{"-c", "--config"}, &DescribedOption::names);
  REQUIRE(config != serve.options.end());
  CHECK(config->value == "FILE");
  CHECK(command(all, "key").word == "new");
  std::vector<std::string> names;
  for (const DescribedCommand& each : all) names.push_back(each.name);
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
  const DescribedCommand& load = command(all, "load");
  CHECK(load.arguments.front().name == "MODEL");
  CHECK(load.arguments.front().required);
  CHECK(std::ranges::find(load.options, std::vector<std::string>{"--json"}, &DescribedOption::names)->value.empty());
}

TEST_CASE("the manual page in docs/man is the one that the commands make") {
  std::ifstream file(ROUSE_DOCS "/man/rouse.1");
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  INFO("to renew it: build/release/rouse __man >docs/man/rouse.1");
  CHECK(kept == Run{}({"__man"}).out);
}

TEST_CASE("roff takes nothing in a text for an instruction") {
  const std::vector<DescribedCommand> odd{{"x", "", ".TH evil \\n", {}, {{{"--a-b"}, "", "it's -5\\"}}}};
  const std::string page = manual_page(odd);
  CHECK(page.contains("\n\\&.TH evil \\en.\n"));
  CHECK(page.contains("\\fB\\-\\-a\\-b\\fR\nIt's \\-5\\e.\n"));
}

TEST_CASE("names for completions are ids and aliases, a line each") {
  test::FakeDaemon fake;
  fake.answer("GET /rouse/v1/models", R"({"models":[{"id":"a","engine":"llama","state":"cold","aliases":["b:c"]},
              {"id":"d","engine":"llama","state":"cold"}]})");
  CHECK(asking(fake)({"__models"}).out == "a\nb:c\nd\n");
}

TEST_CASE("a shell that nobody knows is refused") {
  CHECK(Run{}({"completions", "tcsh"}).exit == code(Exit::usage));
  CHECK(Run{}({"completions", "zsh"}).out.starts_with("#compdef rouse\n"));
}

}  // namespace
}  // namespace rouse::cli
