// Loading from files, and what is missing.
#include <catch2/catch_test_macros.hpp>

#include "folder.hpp"
#include "from_text.hpp"

namespace rouse::config {
namespace {

const Llama& llama(const Model& model) { return std::get<Llama>(model.engine); }

TEST_CASE("a file is loaded, and its paths are seen from its folder") {
  const Folder folder;
  const std::string file = folder.write("rouse.yaml", "models: {m: {engine: llama, source: sub/m.gguf}}\n");
  const auto config = load(file, environment({}));
  REQUIRE(config);
  CHECK(config->file == file);
  CHECK(llama(config->models.at(0)).source == folder / "sub/m.gguf");
}

TEST_CASE("a file larger than one read is read whole") {
  const Folder folder;
  std::string text = "models:\n";
  for (int i = 10'000; i < 13'000; ++i)
    text += "  m" + std::to_string(i) + ": {engine: llama, source: a-model-file.gguf}\n";
  const auto config = load(folder.write("rouse.yaml", text), environment({}));
  REQUIRE(config);
  CHECK(config->models.size() == 3000);
  CHECK(config->models.back().id == "m12999");
}

TEST_CASE("a file that cannot be read is a problem without a place") {
  const Folder folder;
  const auto missing = load(folder / "nope.yaml", environment({}));
  REQUIRE_FALSE(missing);
  CHECK(missing.error() == Problems{{folder / "nope.yaml", 0, 0, "cannot be read: No such file or directory"}});
  CHECK(to_string(missing.error()[0]) == folder / "nope.yaml: cannot be read: No such file or directory");
  const auto is_folder = load(folder.path(), environment({}));
  REQUIRE_FALSE(is_folder);
  CHECK(is_folder.error()[0].message == "cannot be read: it is a folder; name the file in it, or serve --models");
}

TEST_CASE("a file that holds nothing is one that is being written, or that a full disk has cut off") {
  const Folder folder;
  for (const char* nothing : {"", "\n \r\n\t", "\xEF\xBB\xBF"}) {
    const auto config = load(folder.write("rouse.yaml", nothing), environment({}));
    REQUIRE_FALSE(config);
    CHECK(config.error().at(0).message.starts_with("is empty"));
  }
  for (const char* defaults : {"{}\n", "# nothing yet\n", "models:\n"}) {
    CHECK(load(folder.write("rouse.yaml", defaults), environment({})));
  }
}

TEST_CASE("problems name the file as it was named to us") {
  const Folder folder;
  const std::string file = folder.write("rouse.yaml", "modles: {}\n");
  const auto config = load(file, environment({}));
  REQUIRE_FALSE(config);
  CHECK(to_string(config.error().at(0)) == file + ":1:1: unknown key \"modles\" in the file; did you mean \"models\"?");
}

TEST_CASE("missing files are told by model, and do not keep the file from loading") {
  const Folder folder;
  folder.write("there.gguf");
  const std::string file = folder.write("rouse.yaml", R"(defaults: {engine: llama}
models:
  b: {source: gone.gguf, mmproj: m.gguf, lora: [{path: there.gguf}, {path: l.gguf}]}
  a: {source: there.gguf, binary: ./there.gguf}
  c: {source: there.gguf, binary: no-such-program}
)");
  const auto config = load(file, environment({}));
  REQUIRE(config);
  std::vector<std::string> lines;
  for (const Problem& problem : missing_files(*config)) lines.push_back(to_string(problem).substr(file.size()));
  const auto quoted = [&](std::string_view name) { return '"' + (folder / name) + '"'; };
  CHECK(lines == std::vector<std::string>{
                     ":3:3: model \"b\": source " + quoted("gone.gguf") + ": No such file or directory",
                     ":3:3: model \"b\": mmproj " + quoted("m.gguf") + ": No such file or directory",
                     ":3:3: model \"b\": lora " + quoted("l.gguf") + ": No such file or directory",
                     ":4:3: model \"a\": binary " + quoted("there.gguf") + ": Permission denied",
                 });
}

TEST_CASE("the process's environment is asked by name") {
  REQUIRE(setenv("ROUSE_CONFIG_TEST", "x", 1) == 0);
  CHECK(process_environment()("ROUSE_CONFIG_TEST") == "x");
  REQUIRE(unsetenv("ROUSE_CONFIG_TEST") == 0);
  CHECK_FALSE(process_environment()("ROUSE_CONFIG_TEST").has_value());
}

}  // namespace
}  // namespace rouse::config
