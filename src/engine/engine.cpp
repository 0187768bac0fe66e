#include "engine/engine.hpp"

#include <array>

#include "engine/command.hpp"
#include "engine/llama.hpp"
#include "engine/remote.hpp"

namespace rouse::engine {
namespace {

constexpr std::array<const Engine*, 3> kEngines{&kLlama, &kCommand, &kRemote};

}  // namespace

std::vector<std::string> gpu_environment(const Place& place) {
  if (place.gpu_uuids.empty()) return {"CUDA_VISIBLE_DEVICES=" + place.gpus};
  return {"CUDA_VISIBLE_DEVICES=" + place.gpu_uuids, "CUDA_DEVICE_ORDER=PCI_BUS_ID"};
}

const Engine* find_engine(std::string_view name) {
  for (const Engine* engine : kEngines) {
    if (engine->name == name) return engine;
  }
  return nullptr;
}

std::vector<std::string_view> engine_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kEngines));
  for (const Engine* engine : kEngines) names.push_back(engine->name);
  return names;
}

}  // namespace rouse::engine
