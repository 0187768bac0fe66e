#include "engine/command.hpp"

#include <chrono>
#include <format>
#include <system_error>

#include "config/config.hpp"

namespace rouse::engine {
namespace {

const config::Command& options_of(const config::Model& model) { return std::get<config::Command>(model.engine); }

Contract contract(const config::Model& model) {
  const config::Command& options = options_of(model);
  return {.health_path = options.health,
          .grace = std::chrono::duration_cast<std::chrono::milliseconds>(options.grace),
          .listens = options.listens,
          .sleep = options.sleep,
          .trim = options.trim};
}

Result<Command> command(const config::Model& model, const Place& place) {
  const config::Command& options = options_of(model);
  const config::Filling filling{
      .socket = place.socket, .port = std::to_string(place.port), .model = options.source, .gpus = place.gpus};
  Command command;
  command.directory = options.directory;
  for (const config::Template& word : options.argv) command.argv.push_back(filled(word, filling));
  // Those that it was not given it does not see; what the configuration says comes later, and holds.
  bool names_gpus = false;
  for (const config::Variable& variable : options.environment) {
    names_gpus = names_gpus || variable.name == "CUDA_VISIBLE_DEVICES";
    command.environment.push_back(std::format("{}={}", variable.name, filled(variable.value, filling)));
  }
  if (!names_gpus) command.environment.push_back("CUDA_VISIBLE_DEVICES=" + place.gpus);
  return command;
}

// What it takes stands in the configuration.
Result<Estimate> estimate(const config::Model& model) {
  const std::string& source = options_of(model).source;
  std::error_code error;
  if (!source.empty() && !std::filesystem::exists(source, error))
    return fail(Code::load_failed, "The model's source does not exist.", source);
  return Estimate{};
}

std::vector<std::filesystem::path> files(const config::Model& model) {
  const std::string& source = options_of(model).source;
  if (source.empty()) return {};
  return {source};
}

}  // namespace

const Engine kCommand{
    .name = "command",
    .runs = Runs::process,
    .counts_tokens = {},  // nobody knows what it understands
    .stops_streams_alone = {},
    .contract = contract,
    .command = command,
    .estimate = estimate,
    .files = files,
};

}  // namespace rouse::engine
