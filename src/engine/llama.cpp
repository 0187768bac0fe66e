#include "engine/llama.hpp"

#include <charconv>
#include <format>
#include <utility>

namespace rouse::engine {
namespace {

using config::LoadMode;

const config::Llama& options_of(const config::Model& model) { return std::get<config::Llama>(model.engine); }

std::string_view name_of(LoadMode mode) {
  switch (mode) {
    case LoadMode::automatic: return "auto";
    case LoadMode::none: return "none";
    case LoadMode::mmap: return "mmap";
    case LoadMode::mlock: return "mlock";
    case LoadMode::mmap_mlock: return "mmap+mlock";
    case LoadMode::direct_io: return "dio";
  }
  return "auto";
}

// "FILE:SCALE,FILE:SCALE". One that is not enabled is loaded with scale 0: it takes part in nothing, and a request can
// still name it by its place in the list.
Result<std::string> adapters(const std::vector<config::LoraAdapter>& list) {
  std::string text;
  for (const config::LoraAdapter& adapter : list) {
    if (adapter.path.find_first_of(",:") != std::string::npos) {
      return fail(Code::load_failed,
                  "a LoRA adapter's path holds a \",\" or \":\", which llama-server cannot tell from "
                  "its separators; rename the file",
                  adapter.path);
    }
    text += std::format("{}{}:{}", text.empty() ? "" : ",", adapter.path, adapter.enabled ? adapter.scale : 0.0);
  }
  return text;
}

Contract contract(const config::Model&) {
  // It ends within milliseconds. But when SIGTERM comes at the very moment of its becoming ready it overhears it, and
  // stays for ever.
  return {.health_path = "/health", .grace = std::chrono::seconds(3)};
}

Result<Command> command(const config::Model& model, const Place& place) {
  const config::Llama& options = options_of(model);
  Command command;
  std::vector<std::string>& argv = command.argv;
  argv = {options.binary, "--model", options.source, "--host", place.socket, "--alias", model.id};
  const auto number = [&](const char* name, const std::optional<std::uint32_t>& value) {
    if (value) argv.insert(argv.end(), {name, std::to_string(*value)});
  };
  number("--ctx-size", options.context);
  number("--parallel", options.parallel);
  number("--threads", options.threads);
  if (!options.mmproj.empty()) argv.insert(argv.end(), {"--mmproj", options.mmproj});
  if (!options.lora.empty()) {
    auto list = adapters(options.lora);
    if (!list) return std::unexpected(list.error());
    argv.insert(argv.end(), {"--lora-scaled", std::move(*list)});
  }
  if (options.load_mode != LoadMode::automatic) {
    argv.insert(argv.end(), {"--load-mode", std::string(name_of(options.load_mode))});
  }
  if (options.embeddings) argv.emplace_back("--embeddings");
  if (options.reranking) argv.emplace_back("--reranking");
  argv.insert(argv.end(), options.args.begin(), options.args.end());

  command.environment = {
      "LLAMA_ARG_UI=0",  // pages for people are Rouse's; its older name is below
      "LLAMA_ARG_WEBUI=0",
      "LLAMA_ARG_FIT=off",      // what is configured is what is started: sizes and places are decided by Rouse
      "LLAMA_ARG_OFFLINE=1",    // a worker fetches nothing
      "LLAMA_ARG_CACHE_RAM=0",  // otherwise grows by up to 8 GiB that no budget knows of
  };
  command.environment.append_range(gpu_environment(place));
  return command;
}

std::vector<std::filesystem::path> files(const config::Model& model) {
  const config::Llama& options = options_of(model);
  std::vector<std::filesystem::path> files;
  if (auto shards = gguf_shards(options.source)) {
    files = std::move(*shards);
  } else {
    files.emplace_back(options.source);
  }
  if (!options.mmproj.empty()) files.emplace_back(options.mmproj);
  for (const config::LoraAdapter& adapter : options.lora) files.emplace_back(adapter.path);
  return files;
}

Result<Estimate> estimate(const config::Model& model) {
  const config::Llama& options = options_of(model);
  auto shards = gguf_shards(options.source);
  if (!shards) return std::unexpected(shards.error());
  auto whole = read_gguf(shards->front());
  if (!whole) return std::unexpected(whole.error());
  if (whole->split_count != shards->size()) {
    return fail(Code::load_failed,
                std::format("The model is one of {} parts, which llama-server finds by their names: "
                            "NAME-00001-of-{:05}.gguf.",
                            whole->split_count, whole->split_count),
                options.source);
  }
  if (const auto& first = shards->front(); first.filename() != std::filesystem::path(options.source).filename()) {
    return fail(Code::load_failed, std::format("The model is in {} parts: name the first.", shards->size()),
                std::format("{} instead of {}", first.string(), options.source));
  }
  for (std::size_t i = 0; i < shards->size(); ++i) {
    const auto& path = (*shards)[i];
    auto part = i == 0 ? whole : read_gguf(path);
    if (!part) return std::unexpected(part.error());
    if (part->split_number != i || part->split_count != shards->size()) {
      return fail(Code::load_failed,
                  std::format("A part of the model is another one than its name says: it calls itself part {} of {}. "
                              "Copy it again.",
                              part->split_number + 1, part->split_count),
                  path);
    }
    if (i > 0) whole->weights += part->weights;
  }
  Estimate sum = estimate_llama(*whole, llama_shape(options));
  for (const config::LoraAdapter& adapter : options.lora) {
    auto header = read_gguf(adapter.path);
    if (!header) return std::unexpected(header.error());
    sum.weights += header->weights;
  }
  if (!options.mmproj.empty()) {
    auto header = read_gguf(options.mmproj);
    if (!header) return std::unexpected(header.error());
    const Estimate projector = estimate_projector(*header);
    sum.weights += projector.weights;
    sum.compute += projector.compute;
  }
  return sum;
}

std::uint64_t whole_number(std::string_view text, std::uint64_t otherwise) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value < (1ULL << 32) ? value : otherwise;
}

double bytes_of_cache_type(std::string_view type, double otherwise) {
  constexpr std::pair<std::string_view, double> kTypes[] = {
      {"f32", 4},          {"f16", 2},          {"bf16", 2},         {"q8_0", 34.0 / 32},   {"q5_1", 24.0 / 32},
      {"q5_0", 22.0 / 32}, {"q4_1", 20.0 / 32}, {"q4_0", 18.0 / 32}, {"iq4_nl", 18.0 / 32},
  };
  for (const auto& [name, bytes] : kTypes) {
    if (name == type) return bytes;
  }
  return otherwise;
}

}  // namespace

LlamaShape llama_shape(const config::Llama& options) {
  LlamaShape shape;
  shape.context = options.context.value_or(0);
  shape.slots = options.parallel.value_or(static_cast<std::uint32_t>(shape.slots));
  for (std::size_t i = 0; i < options.args.size(); ++i) {
    const std::string_view name = options.args[i];
    const std::string_view value = i + 1 < options.args.size() ? std::string_view(options.args[i + 1]) : "";
    const auto is = [&](auto... names) { return ((name == names) || ...); };
    if (is("-c", "--ctx-size")) shape.context = whole_number(value, shape.context);
    if (is("-np", "--parallel")) shape.slots = whole_number(value, shape.slots);
    if (is("-b", "--batch-size")) shape.batch = whole_number(value, shape.batch);
    if (is("-ub", "--ubatch-size")) shape.micro_batch = whole_number(value, shape.micro_batch);
    if (is("-ctk", "--cache-type-k")) shape.key_bytes = bytes_of_cache_type(value, shape.key_bytes);
    if (is("-ctv", "--cache-type-v")) shape.value_bytes = bytes_of_cache_type(value, shape.value_bytes);
    if (is("-fa", "--flash-attn")) shape.flash_attention = value != "off" && value != "0";
    if (is("-cram", "--cache-ram")) shape.prompt_cache = mib(static_cast<std::int64_t>(whole_number(value, 0)));
    if (is("--swa-full")) shape.whole_window = true;
  }
  return shape;
}

const Engine kLlama{
    .name = "llama",
    .runs = Runs::process,
    .counts_tokens = "timings_per_token",
    .stops_streams_alone = true,  // it looks for its client once in a second in which no slot has anything to say
    .contract = contract,
    .command = command,
    .estimate = estimate,
    .files = files,
};

}  // namespace rouse::engine
