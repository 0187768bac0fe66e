// Telling which of the files that a configuration names are missing.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <format>
#include <system_error>

#include "config/config.hpp"
#include "config/reading.hpp"

namespace rouse::config {

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
