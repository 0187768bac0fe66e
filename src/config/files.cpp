// What concerns the files that a configuration names: finding models in a folder, and telling what is missing.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <map>
#include <system_error>
#include <utility>

#include "config/config.hpp"
#include "config/names.hpp"
#include "config/reading.hpp"

namespace rouse::config {
namespace {

namespace fs = std::filesystem;

// Whether a word of the name (letters and digits between anything else) is this one, in upper or lower case.
bool has_word(std::string_view name, std::string_view word) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  while (!name.empty()) {
    const auto begin = std::ranges::find_if(name, in_word);
    const auto end = std::find_if_not(begin, name.end(), in_word);
    if (std::ranges::equal(std::string_view(begin, end), word, same)) return true;
    name = {end, name.end()};
  }
  return false;
}

struct Shard {
  std::string_view whole;  // the name without the part that counts
  bool first = true;
};

// "name-00002-of-00003" is the second shard of "name"; anything else is whole.
Shard shard_of(std::string_view name) {
  constexpr std::string_view kForm = "-NNNNN-of-NNNNN";
  if (name.size() <= kForm.size()) return {name};
  const std::string_view tail = name.substr(name.size() - kForm.size());
  const auto fits = [](char c, char form) { return form == 'N' ? c >= '0' && c <= '9' : c == form; };
  if (!std::ranges::equal(tail, kForm, fits)) return {name};
  return {name.substr(0, name.size() - kForm.size()), tail.substr(1, 5) == "00001"};
}

std::string model_name(std::string_view file_name) {
  std::string name(file_name);
  for (char& c : name) {
    if (!is_model_name(std::string{'a', c})) c = '-';
  }
  return name;
}

Problem cannot_read(const std::string& folder, const std::error_code& error) {
  return {folder, 0, 0, "cannot be read: " + error.message()};
}

}  // namespace

std::expected<Config, Problems> scan_models(const std::string& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  if (error) return std::unexpected(Problems{cannot_read(folder, error)});
  fs::directory_iterator files(absolute, error);
  if (error) return std::unexpected(Problems{cannot_read(folder, error)});

  Problems problems;
  std::map<std::string, Model> models;
  std::map<std::string, std::string> projectors;  // by name
  for (; files != fs::directory_iterator{}; files.increment(error)) {
    if (error) return std::unexpected(Problems{cannot_read(folder, error)});
    const fs::path& path = files->path();
    std::error_code none;  // a link that leads nowhere is no model
    if (path.extension() != ".gguf" || !files->is_regular_file(none)) continue;
    const std::string stem = path.stem().string();
    if (has_word(stem, "mmproj")) {
      projectors.emplace(stem, path.string());
      continue;
    }
    const Shard shard = shard_of(stem);
    if (!shard.first || has_word(stem, "lora")) continue;
    Model model;
    model.id = model_name(shard.whole);
    Llama& llama = model.engine.emplace<Llama>();
    llama.source = path.string();
    if (!is_model_name(model.id)) {
      problems.push_back(
          {folder, 0, 0, std::format("{} cannot name a model; expected {}", in_quotes(stem), kModelNameRule)});
      continue;
    }
    const auto [there, added] = models.emplace(model.id, model);
    if (!added) {
      problems.push_back({folder, 0, 0,
                          std::format("{} and {} would both be model {}; rename one", in_quotes(llama.source),
                                      in_quotes(std::get<Llama>(there->second.engine).source), in_quotes(model.id))});
    }
  }
  if (!problems.empty()) {
    std::ranges::sort(problems, {}, &Problem::message);
    return std::unexpected(std::move(problems));
  }

  Config config;
  config.file = folder;
  for (auto& [id, model] : models) {
    for (const std::string& name : {"mmproj-" + id, id + "-mmproj", id + ".mmproj"}) {
      if (const auto projector = projectors.find(name); projector != projectors.end()) {
        std::get<Llama>(model.engine).mmproj = projector->second;
      }
    }
    config.models.push_back(std::move(model));
  }
  return config;
}

Problems missing_files(const Config& config) {
  Problems missing;
  const auto look = [&](const Model& model, std::string_view key, const std::string& path, int mode) {
    if (path.empty() || access(path.c_str(), mode) == 0) return;
    missing.push_back({config.file, model.place.line, model.place.column,
                       std::format("model {}: {} {}: {}", in_quotes(model.id), key, in_quotes(path),
                                   std::generic_category().message(errno))});
  };
  for (const Model& model : config.models) {
    if (const auto* command = std::get_if<Command>(&model.engine)) {
      const std::string program = filled(command->argv.front(), {});
      if (program.contains('/')) look(model, "command", program, X_OK);
      look(model, "cwd", command->directory, X_OK);
      look(model, "source", command->source, R_OK);
    }
    if (const auto* remote = std::get_if<Remote>(&model.engine)) look(model, "ca_file", remote->ca_file, R_OK);
    const Llama* llama = std::get_if<Llama>(&model.engine);
    if (!llama) continue;
    look(model, "source", llama->source, R_OK);
    look(model, "mmproj", llama->mmproj, R_OK);
    for (const LoraAdapter& adapter : llama->lora) look(model, "lora", adapter.path, R_OK);
    if (llama->binary.contains('/')) look(model, "binary", llama->binary, X_OK);
  }
  std::ranges::stable_sort(missing, {}, &Problem::line);
  return missing;
}

}  // namespace rouse::config
