#include "engine/command.hpp"

#include <algorithm>
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
          .trim = options.trim,
          .estimate = options.estimate};
}

Result<Command> command(const config::Model& model, const Place& place) {
  const config::Command& options = options_of(model);
  const config::Filling filling{
      .socket = place.socket, .port = std::to_string(place.port), .model = options.source, .gpus = place.gpus};
  Command command;
  command.directory = options.directory;
  for (const config::Template& word : options.argv) command.argv.push_back(filled(word, filling));
  const bool names_gpus = std::ranges::contains(options.environment, "CUDA_VISIBLE_DEVICES", &config::Variable::name);
  if (!names_gpus) command.environment = gpu_environment(place);
  for (const config::Variable& variable : options.environment)
    command.environment.push_back(std::format("{}={}", variable.name, filled(variable.value, filling)));
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
