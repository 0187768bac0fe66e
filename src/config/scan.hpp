// Models found in a folder, by the names of files: what `rouse serve --models` serves.
//
//   chat.gguf                                     chat
//   big-00001-of-00003.gguf …                     big: one model, if all of its parts are there
//   gemma/gemma-Q4_K_M.gguf, gemma/mmproj-F16.gguf     gemma, with its projector
//   qwen/qwen-Q4_K_M.gguf, qwen/qwen-Q8_0.gguf    qwen:Q4_K_M and qwen:Q8_0
//   pair/text.gguf, pair/code.gguf                pair/text and pair/code
//   models--org--name/snapshots/HASH/…            org/name: the Hugging Face cache, in its present snapshot
//
// No file is opened but the cache's own notes: a folder of thousands is read in milliseconds, at the start too.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace rouse::config {

struct Scan {
  Config config;                                  // the models, with all defaults
  Problems left_out;                              // what looks like a model and is none that can be served, and why
  std::vector<std::string> folders;               // that were looked into, the given one first
  std::multimap<std::string, std::string> links;  // by the file in another folder that they lead to, or would
};

// By its name: the ending counts in upper and lower case.
bool is_gguf(const std::string& path);

// Whether a file is not to be looked at (yet).
using Skip = std::function<bool(const std::string& path)>;

// A folder without models is a configuration without models. Fails only if the folder cannot be read.
std::expected<Scan, Problems> scan_models(const std::string& folder, const Skip& skip = {});

}  // namespace rouse::config
