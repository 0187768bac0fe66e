#include "system/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace rouse::system {
namespace {

constexpr std::array<std::string_view, 9> kNames{
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
};
// Where the accelerators' libraries look for their settings.
constexpr std::array<std::string_view, 11> kPrefixes{
    "LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "ROCM_", "HSA_", "ONEAPI_", "VK_", "OMP_", "GGML_",
};

// Whatever its prefix: NVIDIA_API_KEY is nobody else's business.
constexpr std::array<std::string_view, 5> kSecretEndings{"_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_CREDENTIALS"};

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

}  // namespace

bool is_passed_on(std::string_view name) {
  if (std::ranges::any_of(kSecretEndings, [&](std::string_view ending) { return name.ends_with(ending); }))
    return false;
  return std::ranges::contains(kNames, name) ||
         std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> worker_environment(std::span<const std::string> ours, std::span<const std::string> added) {
  std::vector<std::string> environment;
  for (const std::string& variable : ours) {
    const std::string_view name = name_of(variable);
    const bool replaced = std::ranges::any_of(added, [&](const std::string& other) { return name_of(other) == name; });
    if (is_passed_on(name) && !replaced) environment.push_back(variable);
  }
  environment.insert(environment.end(), added.begin(), added.end());
  return environment;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return environment;
}

std::string_view value_of(std::span<const std::string> environment, std::string_view name) {
  for (const std::string_view variable : environment) {
    if (name_of(variable) == name && variable.size() > name.size()) return variable.substr(name.size() + 1);
  }
  return {};
}

}  // namespace rouse::system
