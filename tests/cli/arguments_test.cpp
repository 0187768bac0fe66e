#include "cli/arguments.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <vector>

#include "fake_daemon.hpp"

namespace rouse::cli {
namespace {

std::expected<Invocation, Notice> parsed(std::vector<std::string> arguments) {
  return parse(arguments, [](std::string_view) { return std::nullopt; });
}

template <class Options>
Options options_of(std::vector<std::string> arguments) {
  const auto invocation = parsed(std::move(arguments));
  INFO((invocation ? "" : invocation.error().text));
  REQUIRE(invocation.has_value());
  REQUIRE(std::holds_alternative<Options>(invocation->command));
  return std::get<Options>(invocation->command);
}

TEST_CASE("the words of a prompt are joined, also where they are names of commands") {
  const auto options = options_of<RunOptions>({"run", "chat", "list", "the", "models", "you load"});
  CHECK(options.model == "chat");
  CHECK(options.prompt == "list the models you load");
}

TEST_CASE("run takes options before and after the prompt, and a prompt with dashes behind --") {
  const auto before = options_of<RunOptions>({"run", "--keep", "0", "chat", "hi", "--priority", "high"});
  CHECK(before.keep == "0");
  CHECK(before.priority == "high");
  CHECK(before.prompt == "hi");
  CHECK(options_of<RunOptions>({"run", "chat", "--", "--what", "is", "this"}).prompt == "--what is this");
  CHECK(options_of<RunOptions>({"run", "chat", "--max-tokens", "7", "--deadline", "1m30s"}).max_tokens == 7);
}

TEST_CASE("a new key has a holder and a role") {
  CHECK(options_of<KeyOptions>({"key", "new", "web"}).role == "use");
  CHECK(options_of<KeyOptions>({"key", "new", "--role", "admin", "ops"}).name == "ops");
}

TEST_CASE("what cannot be meant is refused with what could be") {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"lst"},
      {"run"},
      {"load"},
      {"load", "a", "b"},
      {"list", "--jsn"},
      {"run", "chat", "--keep", "soon"},
      {"run", "chat", "--keep", "5m\r\nX-Evil: 1"},
      {"run", "chat", "--priority", "urgent"},
      {"run", "chat", "--deadline", "forever"},
      {"run", "chat", "--max-tokens", "0"},
      {"logs", "chat", "-n", "many"},
      {"ps", "--every", "0"},
      {"ps", "--every", "soon"},
      {"cancel"},
      {"pin"},
      {"serve", "--config", "a.yaml", "--models", "b"},
      {"--host", "x", "list"},
      {"key"},
      {"key", "new"},
      {"key", "new", "web", "--role", "root"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const auto& argument : arguments) line += argument + " ";
    INFO(line);
    const auto notice = parsed(arguments);
    REQUIRE_FALSE(notice.has_value());
    CHECK(notice.error().exit == Exit::usage);
    CHECK(notice.error().text.starts_with("rouse: "));
    CHECK(notice.error().text.contains("--help"));
  }
  CHECK(parsed({"lst"}).error().text.contains(R"(did you mean "list")"));
}

TEST_CASE("help is an answer, names every command and every exit code") {
  for (const auto& arguments : {std::vector<std::string>{"--help"}, {"help"}}) {
    const auto notice = parsed(arguments);
    REQUIRE_FALSE(notice.has_value());
    CHECK(notice.error().exit == Exit::ok);
    for (const char* name : {"serve", "check", "list", "ps", "devices", "run", "load", "unload", "logs", "version"}) {
      CHECK(notice.error().text.contains(name));
    }
    for (const ExitMeaning& line : kExits) CHECK(notice.error().text.contains(line.meaning));
  }
  const auto of_run = parsed({"help", "run"});
  REQUIRE_FALSE(of_run.has_value());
  CHECK(of_run.error().exit == Exit::ok);
  CHECK(of_run.error().text.contains("--max-tokens"));
}

TEST_CASE("the flags of each command arrive") {
  CHECK(options_of<ListOptions>({"list", "--json"}).format == Format::json);
  CHECK(options_of<ListOptions>({"list"}).format == Format::table);
  CHECK(options_of<UnloadOptions>({"unload", "chat", "--force"}).force == Force::yes);
  CHECK(options_of<UnloadOptions>({"unload", "chat"}).force == Force::no);
  CHECK(options_of<LoadOptions>({"load", "chat", "--no-wait"}).wait == Wait::no);
  CHECK(options_of<LogsOptions>({"logs", "-f", "-n", "5", "chat"}).follow == Follow::yes);
  CHECK(options_of<LogsOptions>({"logs", "-f", "-n", "5", "chat"}).lines == 5);
  CHECK(parsed({"ps", "--host", "unix:/run/x.sock"}).value().host == "unix:/run/x.sock");
  const auto serve = options_of<ServeOptions>({"serve", "--models", "/m", "--listen", ":0", "-v"});
  CHECK(serve.models == "/m");
  CHECK(serve.listen == ":0");
  CHECK(serve.config.empty());
  CHECK(serve.verbosity == Verbosity::verbose);
  CHECK(serve.log_format.empty());
  CHECK(options_of<ServeOptions>({"serve", "--models", "/m", "--log-format", "json"}).log_format == "json");
  CHECK(parsed({"serve", "--models", "/m", "--log-format", "xml"}).error().text.contains("text or json"));
  CHECK(options_of<CheckOptions>({"check", "x.yaml"}).file == "x.yaml");
}

TEST_CASE("serve and check take the configuration of the user's config folder when none is named") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("rouse-cli-test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "rouse");
  test::Run run{.environment = {{"XDG_CONFIG_HOME", folder.string()}}};
  const test::Ran missing = run({"serve"});
  CHECK(missing.exit == code(Exit::usage));
  CHECK(missing.err.contains((folder / "rouse/rouse.yaml").string()));

  std::ofstream(folder / "rouse/rouse.yaml") << "models: {}\n";
  std::string served;
  std::string checked;
  run.serve = [&](const ServeOptions& options) { return served = options.config, 0; };
  run.check = [&](const std::string& file) { return checked = file, 2; };
  CHECK(run({"serve"}).exit == 0);
  CHECK(run({"check"}).exit == 2);
  CHECK(served == (folder / "rouse/rouse.yaml").string());
  CHECK(checked == served);
  std::filesystem::remove_all(folder);
}

TEST_CASE("init writes a configuration to begin with, and never over another unless told to") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("rouse-init-test-" + std::to_string(::getpid()));
  const std::filesystem::path file = folder / "rouse/rouse.yaml";
  const test::Run run{.environment = {{"XDG_CONFIG_HOME", folder.string()}}};
  const test::Ran written = run({"init"});
  CHECK(written.exit == 0);
  CHECK(written.out == "wrote " + file.string() + "\nPut your models in it, then: rouse serve\n");
  const auto size = std::filesystem::file_size(file);
  CHECK(size > 1000);

  std::ofstream(file) << "mine";
  const test::Ran kept = run({"init"});
  CHECK(kept.exit == code(Exit::usage));
  CHECK(kept.err.contains("--force " + file.string()));
  CHECK(std::filesystem::file_size(file) == 4);
  CHECK(run({"init", "--force", file.string()}).exit == 0);
  CHECK(std::filesystem::file_size(file) == size);
  CHECK(run({"init", (file / "below").string()}).exit == code(Exit::failed));
  CHECK(test::Run{}({"init"}).exit == code(Exit::usage));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rouse::cli
