#include "engine/engine.hpp"

#include <array>

#include "engine/command.hpp"
#include "engine/llama.hpp"
#include "engine/remote.hpp"

namespace rouse::engine {
namespace {

constexpr std::array<const Engine*, 3> kEngines{&kLlama, &kCommand, &kRemote};

}  // namespace

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
