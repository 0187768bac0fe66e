// What a folder of models holds, by the names of files.
#include "config/scan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "folder.hpp"

namespace rouse::config {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

Scan scanned(const Folder& folder, const Skip& skip = {}) {
  auto scan = scan_models(folder.path(), skip);
  REQUIRE(scan);
  return *std::move(scan);
}

Names names(const Scan& scan) {
  Names names;
  for (const Model& model : scan.config.models) names.push_back(model.id);
  return names;
}

const Llama& llama(const Scan& scan, std::string_view id) {
  const auto model = std::ranges::find(scan.config.models, id, &Model::id);
  REQUIRE(model != scan.config.models.end());
  return std::get<Llama>(model->engine);
}

// What was left out, as "name: why", with paths seen from the folder.
Names left_out(const Folder& folder, const Scan& scan) {
  Names lines;
  for (const Problem& problem : scan.left_out)
    lines.push_back(fs::path(problem.file).lexically_relative(folder.path()).string() + ": " + problem.message);
  return lines;
}

TEST_CASE("the models of a folder are its GGUF files, in order, with all defaults") {
  const Folder folder;
  folder.write("qwen3-4b-q4_k_m.gguf");
  folder.write("Llama 3.2 (1B).gguf");
  folder.write("notes.txt");
  folder.write("model.gguf.part");
  fs::create_directory(folder / "below.gguf");
  folder.write(".hidden/below.gguf");
  fs::create_symlink("qwen3-4b-q4_k_m.gguf", folder / "linked.gguf");
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"Llama-3.2--1B-", "linked", "qwen3-4b-q4_k_m"});
  Model qwen;
  qwen.id = "qwen3-4b-q4_k_m";
  Llama engine;
  engine.source = folder / "qwen3-4b-q4_k_m.gguf";
  qwen.engine = engine;
  qwen.read_ahead = false;
  CHECK(scan.config.models[2] == qwen);
  CHECK(scan.config.file == folder.path());
  CHECK(scan.config.listen == Address{});
  CHECK(scan.left_out.empty());
}

TEST_CASE("projectors and adapters are no models, and a projector finds its model") {
  const Folder folder;
  for (const char* name : {"vision.gguf", "vision-mmproj.gguf", "gemma.gguf", "mmproj-gemma.gguf",
                           "mmproj-model-f16.gguf", "support-lora.gguf", "LoRA_f16.gguf", "flora.gguf"}) {
    folder.write(name);
  }
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"flora", "gemma", "vision"});
  CHECK(llama(scan, "flora").mmproj.empty());
  CHECK(llama(scan, "gemma").mmproj == folder / "mmproj-gemma.gguf");
  CHECK(llama(scan, "vision").mmproj == folder / "vision-mmproj.gguf");
}

TEST_CASE("a sharded file is one model, begun by its first part, in folders below too") {
  const Folder folder;
  for (const char* name : {"big-00002-of-00003.gguf", "big-00001-of-00003.gguf", "big-00003-of-00003.gguf",
                           "v-1-of-2.gguf", "huge/part-00001-of-00002.gguf", "huge/part-00002-of-00002.gguf"}) {
    folder.write(name);
  }
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"big", "huge", "v-1-of-2"});
  CHECK(llama(scan, "big").source == folder / "big-00001-of-00003.gguf");
  CHECK(llama(scan, "huge").source == folder / "huge/part-00001-of-00002.gguf");
}

TEST_CASE("a sharded file that is not all there is told, and no model") {
  const Folder folder;
  for (const char* name : {"a-00001-of-00003.gguf", "a-00003-of-00003.gguf", "below/b-00002-of-00002.gguf",
                           "c-00003-of-00002.gguf", "d-00000-of-00000.gguf", "e-00001-of-00001.gguf"}) {
    folder.write(name);
  }
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"e"});
  CHECK(left_out(folder, scan) == Names{"a: 2 of its 3 parts are there; a-00002-of-00003.gguf is missing",
                                        "c: 0 of its 2 parts are there; c-00001-of-00002.gguf is missing",
                                        "d-00000-of-00000.gguf: is one of no parts, by its name",
                                        "below/b: 1 of its 2 parts are there; b-00001-of-00002.gguf is missing"});
}

TEST_CASE("a folder with one GGUF is a model of its name, with the projector that lies beside it") {
  const Folder folder;
  for (const char* name :
       {"gemma 3/gemma-3-4b-Q4_K_M.gguf", "gemma 3/mmproj-model.gguf", "several/m.gguf", "several/mmproj-BF16.gguf",
        "several/mmproj-F16.gguf", "several/mmproj-F32.gguf", "publisher/repo/text.gguf", "gemma 3/readme.md"}) {
    folder.write(name);
  }
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"gemma-3", "publisher/repo", "several"});
  CHECK(llama(scan, "gemma-3").source == folder / "gemma 3/gemma-3-4b-Q4_K_M.gguf");
  CHECK(llama(scan, "gemma-3").mmproj == folder / "gemma 3/mmproj-model.gguf");
  CHECK(llama(scan, "several").mmproj == folder / "several/mmproj-F16.gguf");
  CHECK(llama(scan, "publisher/repo").mmproj.empty());
}

TEST_CASE("several models of a folder are told apart by how they are quantised, else by their names") {
  const Folder folder;
  for (const char* name :
       {"qwen/qwen-4b-Q4_K_M.gguf", "qwen/qwen.q8_0.gguf", "qwen/qwen-bf16.gguf", "qwen/mmproj-qwen.gguf",
        "both/x-Q4_K_XL.gguf", "both/x-UD-Q4_K_XL.gguf", "pair/code.gguf", "pair/text-4b.gguf"}) {
    folder.write(name);
  }
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"both/x-Q4_K_XL", "both/x-UD-Q4_K_XL", "pair/code", "pair/text-4b", "qwen:Q4_K_M",
                             "qwen:bf16", "qwen:q8_0"});
  CHECK(llama(scan, "qwen:q8_0").mmproj == folder / "qwen/mmproj-qwen.gguf");
}

// A file of the Hugging Face cache: a link in the snapshot, to a blob.
void cached(const Folder& folder, const std::string& repository, const std::string& snapshot, const std::string& file) {
  const std::string blob = std::to_string(std::hash<std::string>{}(repository + snapshot + file));
  const fs::path link = fs::path(folder / repository) / "snapshots" / snapshot / file;
  folder.write(repository + "/blobs/" + blob);
  fs::create_directories(link.parent_path());
  fs::create_symlink(fs::path(folder / repository) / "blobs" / blob, link);
}

TEST_CASE("the Hugging Face cache holds models under their names there, in the present snapshot") {
  const Folder folder;
  cached(folder, "models--ggml-org--gemma-3-4b-it-GGUF", "old", "gemma-Q2_K.gguf");
  cached(folder, "models--ggml-org--gemma-3-4b-it-GGUF", "new", "gemma-Q4_K_M.gguf");
  cached(folder, "models--ggml-org--gemma-3-4b-it-GGUF", "new", "mmproj-model-f16.gguf");
  folder.write("models--ggml-org--gemma-3-4b-it-GGUF/refs/main", "new");
  cached(folder, "models--org--two", "1", "two-Q4_0.gguf");
  cached(folder, "models--org--two", "1", "two-Q8_0.gguf");
  cached(folder, "models--org--split", "1", "BF16/split-BF16-00001-of-00002.gguf");
  cached(folder, "models--org--split", "1", "BF16/split-BF16-00002-of-00002.gguf");
  folder.write("models--org--begun/blobs/1.incomplete");
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"ggml-org/gemma-3-4b-it-GGUF", "org/split", "org/two:Q4_0", "org/two:Q8_0"});
  const std::string snapshot = folder / "models--ggml-org--gemma-3-4b-it-GGUF/snapshots/new/";
  CHECK(llama(scan, "ggml-org/gemma-3-4b-it-GGUF").source == snapshot + "gemma-Q4_K_M.gguf");
  CHECK(llama(scan, "ggml-org/gemma-3-4b-it-GGUF").mmproj == snapshot + "mmproj-model-f16.gguf");
  CHECK(scan.left_out.empty());

  folder.write("models--ggml-org--gemma-3-4b-it-GGUF/refs/main", "old");
  CHECK(llama(scanned(folder), "ggml-org/gemma-3-4b-it-GGUF").source.ends_with("snapshots/old/gemma-Q2_K.gguf"));
}

TEST_CASE("a model in a format that no engine serves is told") {
  const Folder folder;
  for (const char* name : {"clip/config.json", "clip/model.safetensors", "both/config.json", "both/model.safetensors",
                           "both/model.gguf", "other/config.json"}) {
    folder.write(name);
  }
  cached(folder, "models--org--bert", "1", "config.json");
  cached(folder, "models--org--bert", "1", "model.safetensors");
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"both"});
  const Names lines = left_out(folder, scan);
  REQUIRE(lines.size() == 2);
  CHECK(
      lines[0].starts_with("clip: a model in Hugging Face's own format (safetensors), which no engine here can serve"));
  CHECK(lines[1].starts_with("models--org--bert/snapshots/1: a model in Hugging Face's own format"));
}

TEST_CASE("two files that would be one model are told, and the first is it") {
  const Folder folder;
  for (const char* name : {"a b.gguf", "a-b.gguf", "-.gguf", "a-b/m.gguf"}) folder.write(name);
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"a-b"});
  CHECK(llama(scan, "a-b").source == folder / "a b.gguf");
  const Names lines = left_out(folder, scan);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("-.gguf: \"-\" cannot name a model"));
  CHECK(lines[1].starts_with("a-b.gguf: this and \"" + folder / "a b.gguf"));
  CHECK(lines[2].starts_with("a-b/m.gguf: this and"));
}

TEST_CASE("links that lead in a circle end") {
  const Folder folder;
  folder.write("a/m.gguf");
  fs::create_directory_symlink(folder / "a", folder / "a/again");
  fs::create_directory_symlink(folder.path(), folder / "b");
  CHECK(names(scanned(folder)) == Names{"a"});
}

TEST_CASE("an ending counts in any case, and what looks like a model but is none is told") {
  const Folder folder;
  folder.write("Loud.GGUF");
  folder.write("none-00000-of-00000.gguf");
  folder.write("a/b/c/d/deep.gguf");
  folder.write("a/b/c/d/e/deeper.gguf");
  fs::create_symlink("nowhere", folder / "dangling.gguf");
  REQUIRE(::mkfifo((folder / "pipe.gguf").c_str(), 0600) == 0);
  const Scan scan = scanned(folder);
  CHECK(names(scan) == Names{"Loud", "a/b/c/d"});
  Names lines = left_out(folder, scan);
  std::ranges::sort(lines);
  CHECK(lines == Names{"a/b/c/d/e: lies more than 4 folders deep and is not looked into",
                       "dangling.gguf: is a link that leads nowhere",
                       "none-00000-of-00000.gguf: is one of no parts, by its name", "pipe.gguf: is no file"});
}

TEST_CASE("what is skipped is not there") {
  const Folder folder;
  folder.write("a.gguf");
  folder.write("b.gguf");
  const Scan scan = scanned(folder, [](const std::string& path) { return path.ends_with("/a.gguf"); });
  CHECK(names(scan) == Names{"b"});
}

TEST_CASE("the folders that were looked into are named, blobs and hidden ones are none of them") {
  const Folder folder;
  folder.write("a/m.gguf");
  folder.write(".git/x");
  cached(folder, "models--org--m", "1", "m.gguf");
  Names folders;
  for (const std::string& path : scanned(folder).folders)
    folders.push_back(fs::path(path).lexically_relative(folder.path()).string());
  CHECK(folders == Names{".", "a", "models--org--m", "models--org--m/snapshots", "models--org--m/snapshots/1"});
}

TEST_CASE("a file elsewhere is named with the link to it, whether it is there or not; the cache's blobs never change") {
  const Folder elsewhere;
  elsewhere.write("there.gguf");
  const Folder folder;
  folder.write("m.gguf");
  cached(folder, "models--org--m", "1", "m.gguf");
  fs::create_symlink(elsewhere / "there.gguf", folder / "a.gguf");
  fs::create_symlink(elsewhere / "yet/to/come.gguf", folder / "b.gguf");
  fs::create_symlink("m.gguf", folder / "c.gguf");
  const fs::path disk = fs::canonical(elsewhere.path());
  const std::multimap<std::string, std::string> expected{
      {disk / "there.gguf", folder / "a.gguf"},
      {disk / "yet/to/come.gguf", folder / "b.gguf"},
  };
  CHECK(scanned(folder).links == expected);
}

TEST_CASE("a folder that cannot be read is a problem, an empty one is not") {
  const Folder folder;
  CHECK(scanned(folder).config.models.empty());
  const auto missing = scan_models(folder / "nope");
  REQUIRE_FALSE(missing);
  CHECK(to_string(missing.error().at(0)) == folder / "nope: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace rouse::config
