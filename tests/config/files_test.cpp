// Loading from files, finding models in a folder, and what is missing.
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "from_text.hpp"

namespace rouse::config {
namespace {

namespace fs = std::filesystem;

// A folder of the test's own, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "rouse-config-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  std::string write(std::string_view name, std::string_view text = {}) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  fs::path path_;
};

const Llama& llama(const Model& model) { return std::get<Llama>(model.engine); }

std::vector<std::string> names(const Config& config) {
  std::vector<std::string> names;
  for (const Model& model : config.models) names.push_back(model.id);
  return names;
}

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

TEST_CASE("problems name the file as it was named to us") {
  const Folder folder;
  const std::string file = folder.write("rouse.yaml", "modles: {}\n");
  const auto config = load(file, environment({}));
  REQUIRE_FALSE(config);
  CHECK(to_string(config.error().at(0)) == file + ":1:1: unknown key \"modles\" in the file; did you mean \"models\"?");
}

TEST_CASE("the models of a folder are its GGUF files, in order, with all defaults") {
  const Folder folder;
  folder.write("qwen3-4b-q4_k_m.gguf");
  folder.write("Llama 3.2 (1B).gguf");
  folder.write("notes.txt");
  folder.write("model.gguf.part");
  fs::create_directory(folder / "below.gguf");
  fs::create_directory(folder / "below");
  folder.write("below/hidden.gguf");
  fs::create_symlink("qwen3-4b-q4_k_m.gguf", folder / "linked.gguf");
  fs::create_symlink("nowhere", folder / "dangling.gguf");
  const auto config = scan_models(folder.path());
  REQUIRE(config);
  CHECK(names(*config) == std::vector<std::string>{"Llama-3.2--1B-", "linked", "qwen3-4b-q4_k_m"});
  Model qwen;
  qwen.id = "qwen3-4b-q4_k_m";
  Llama engine;
  engine.source = folder / "qwen3-4b-q4_k_m.gguf";
  qwen.engine = engine;
  CHECK(config->models[2] == qwen);
  CHECK(config->file == folder.path());
  CHECK(config->listen == Address{});
}

TEST_CASE("projectors and adapters are no models, and a projector finds its model") {
  const Folder folder;
  for (const char* name : {"vision.gguf", "vision-mmproj.gguf", "gemma.gguf", "mmproj-gemma.gguf",
                           "mmproj-model-f16.gguf", "support-lora.gguf", "LoRA_f16.gguf", "flora.gguf"}) {
    folder.write(name);
  }
  const auto config = scan_models(folder.path());
  REQUIRE(config);
  CHECK(names(*config) == std::vector<std::string>{"flora", "gemma", "vision"});
  CHECK(llama(config->models[0]).mmproj.empty());
  CHECK(llama(config->models[1]).mmproj == folder / "mmproj-gemma.gguf");
  CHECK(llama(config->models[2]).mmproj == folder / "vision-mmproj.gguf");
}

TEST_CASE("a sharded file is one model, named and begun by its first part") {
  const Folder folder;
  for (const char* name : {"big-00002-of-00003.gguf", "big-00001-of-00003.gguf", "big-00003-of-00003.gguf",
                           "lost-00002-of-00002.gguf", "v-1-of-2.gguf"}) {
    folder.write(name);
  }
  const auto config = scan_models(folder.path());
  REQUIRE(config);
  CHECK(names(*config) == std::vector<std::string>{"big", "v-1-of-2"});
  CHECK(llama(config->models[0]).source == folder / "big-00001-of-00003.gguf");
}

TEST_CASE("two files that would be one model are a problem") {
  const Folder folder;
  folder.write("a b.gguf");
  folder.write("a-b.gguf");
  folder.write("-.gguf");
  const auto config = scan_models(folder.path());
  REQUIRE_FALSE(config);
  REQUIRE(config.error().size() == 2);
  CHECK(config.error()[0].message.starts_with("\"-\" cannot name a model"));
  CHECK(config.error()[1].message.ends_with("would both be model \"a-b\"; rename one"));
}

TEST_CASE("a folder that cannot be read is a problem, an empty one is not") {
  const Folder folder;
  const auto empty = scan_models(folder.path());
  REQUIRE(empty);
  CHECK(empty->models.empty());
  const auto missing = scan_models(folder / "nope");
  REQUIRE_FALSE(missing);
  CHECK(to_string(missing.error().at(0)) == folder / "nope: cannot be read: No such file or directory");
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
