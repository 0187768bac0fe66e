// What the configuration costs at start: 1,000 models of six keys each, from text to typed and checked.
#include <benchmark/benchmark.h>

#include <format>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "config/yaml.hpp"

namespace rouse::config {
namespace {

std::string thousand_models() {
  std::string text = "listen: 127.0.0.1:11450\nbudgets:\n  host: {limit: 8GiB}\ndefaults: {keep: 5m}\nmodels:\n";
  for (int i = 0; i < 1000; ++i) {
    text += std::format(
        "  model-{0:04}:\n    engine: llama\n    source: /srv/models/model-{0:04}-q4_k_m.gguf\n    context: 8192\n"
        "    parallel: 4\n    aliases: [alias-{0:04}]\n    keep: 30m\n",
        i);
  }
  return text;
}

void read_yaml(benchmark::State& state) {
  const std::string text = thousand_models();
  for (auto _ : state) {
    yaml::Document document(text);
    if (document.mistake()) state.SkipWithError("not read");
    benchmark::DoNotOptimize(document);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(read_yaml)->Unit(benchmark::kMillisecond);

void read_config(benchmark::State& state) {
  const std::string text = thousand_models();
  const Environment empty = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  for (auto _ : state) {
    auto config = from_text(text, "rouse.yaml", empty);
    if (!config || config->models.size() != 1000) state.SkipWithError("not read");
    benchmark::DoNotOptimize(config);
  }
}
BENCHMARK(read_config)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rouse::config

BENCHMARK_MAIN();
