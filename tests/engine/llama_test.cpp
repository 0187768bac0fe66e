#include "engine/llama.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using namespace rouse::engine;
using Catch::Matchers::ContainsSubstring;
using Argv = std::vector<std::string>;

namespace {

config::Llama from(const std::string& source) {
  config::Llama options;
  options.source = source;
  return options;
}

config::Model model_of(config::Llama options) {
  config::Model model;
  model.id = "chat";
  model.engine = std::move(options);
  return model;
}

Argv argv(config::Llama options) {
  return kLlama.command(model_of(std::move(options)), {.socket = "/run/w.sock"})->argv;
}

// A model like many: 8B, grouped attention, 128 numbers a head.
Gguf eight_billion() {
  Gguf model;
  model.architecture = "llama";
  model.blocks = 32;
  model.context_length = 131072;
  model.embedding_length = 4096;
  model.feed_forward_length = 14336;
  model.vocabulary = 128256;
  model.heads = {32};
  model.kv_heads = {8};
  model.weights = gib(5);
  return model;
}

}  // namespace

TEST_CASE("the engine is found by its name, and only by that") {
  CHECK(find_engine("llama") == &kLlama);
  CHECK(find_engine("Llama") == nullptr);
  CHECK(find_engine("") == nullptr);
  CHECK(engine_names() == std::vector<std::string_view>{"llama", "command", "remote"});
}

TEST_CASE("what is not configured is not said to llama-server") {
  CHECK(argv(from("/m/a.gguf")) ==
        Argv{"llama-server", "--model", "/m/a.gguf", "--host", "/run/w.sock", "--alias", "chat"});
}

TEST_CASE("each option becomes its argument, and one's own arguments come last") {
  config::Llama options;
  options.binary = "/opt/llama-server";
  options.source = "/m/a b.gguf";
  options.context = 8192;
  options.parallel = 4;
  options.threads = 2;
  options.mmproj = "/m/mm.gguf";
  options.lora = {{"/m/x.gguf", 0.5, true}, {"/m/y.gguf", 1, false}};
  options.load_mode = config::LoadMode::mmap_mlock;
  options.embeddings = true;
  options.reranking = true;
  options.args = {"--flash-attn", "on"};
  CHECK(argv(options) == Argv{"/opt/llama-server",
                              "--model",
                              "/m/a b.gguf",
                              "--host",
                              "/run/w.sock",
                              "--alias",
                              "chat",
                              "--ctx-size",
                              "8192",
                              "--parallel",
                              "4",
                              "--threads",
                              "2",
                              "--mmproj",
                              "/m/mm.gguf",
                              "--lora-scaled",
                              "/m/x.gguf:0.5,/m/y.gguf:0",
                              "--load-mode",
                              "mmap+mlock",
                              "--embeddings",
                              "--reranking",
                              "--flash-attn",
                              "on"});
}

TEST_CASE("a worker is told by its environment not to fetch, nor to grow, nor to serve pages") {
  const auto environment = kLlama.command(model_of(from("a")), {.socket = "/s.sock"})->environment;
  for (const char* variable : {"LLAMA_ARG_UI=0", "LLAMA_ARG_OFFLINE=1", "LLAMA_ARG_CACHE_RAM=0", "LLAMA_ARG_FIT=off"}) {
    CHECK(std::ranges::contains(environment, variable));
  }
}

TEST_CASE("an adapter whose path would be read as several is refused") {
  for (const char* path : {"/m/a,b.gguf", "/m/a:2.gguf"}) {
    config::Llama options = from("a");
    options.lora = {{path, 1, true}};
    const auto command = kLlama.command(model_of(options), {.socket = "/s.sock"});
    REQUIRE_FALSE(command);
    CHECK_THAT(command.error().message, ContainsSubstring("rename"));
  }
}

TEST_CASE("every file that is read is named, the model's first") {
  config::Llama options = from("/m/a.gguf");
  options.lora = {{"/m/x.gguf", 1, false}};
  options.mmproj = "/m/mm.gguf";
  const auto files = kLlama.files(model_of(options));
  CHECK(files == std::vector<std::filesystem::path>{"/m/a.gguf", "/m/mm.gguf", "/m/x.gguf"});
}

TEST_CASE("the shape follows the configuration, and its args have the last word") {
  config::Llama options;
  options.context = 8192;
  options.parallel = 2;
  CHECK(llama_shape(options).context == 8192);
  CHECK(llama_shape(options).slots == 2);
  options.args = {"-c",   "1024", "--parallel", "8",     "-ub", "64",        "-ctk",
                  "q8_0", "-fa",  "off",        "-cram", "100", "--swa-full"};
  const LlamaShape shape = llama_shape(options);
  CHECK(shape.context == 1024);
  CHECK(shape.slots == 8);
  CHECK(shape.micro_batch == 64);
  CHECK(shape.key_bytes == 34.0 / 32);
  CHECK(shape.value_bytes == 2);
  CHECK_FALSE(shape.flash_attention);
  CHECK(shape.prompt_cache == mib(100));
  CHECK(shape.whole_window);
  options.args = {"-c"};
  CHECK(llama_shape(options).context == 8192);
  options.args = {"-c", "many"};
  CHECK(llama_shape(options).context == 8192);
}

TEST_CASE("the cache is keys and values of every token, block and head") {
  const Gguf model = eight_billion();
  CHECK(estimate_llama(model, {.context = 8192}).cache == gib(1));               // 128 KiB a token
  CHECK(estimate_llama(model, {.context = 8192, .slots = 16}).cache == gib(1));  // slots share the context
  CHECK(estimate_llama(model, {}).cache == gib(16));                             // 131,072 tokens
  CHECK(estimate_llama(model, {.context = 8192, .key_bytes = 1, .value_bytes = 1}).cache == mib(512));
  Gguf longer = model;
  longer.key_length = longer.value_length = 256;
  CHECK(estimate_llama(longer, {.context = 8192}).cache == gib(2));
  Gguf uneven = model;
  uneven.kv_heads.assign(32, 8);
  uneven.kv_heads[0] = uneven.kv_heads[31] = 0;
  CHECK(estimate_llama(uneven, {.context = 8192}).cache == mib(960));
  Gguf encoder = model;
  encoder.causal = false;
  CHECK(estimate_llama(encoder, {.context = 8192}).cache == Bytes{0});
}

TEST_CASE("a sliding window holds what it sees, and the copies that let it be rewound") {
  Gguf model = eight_billion();
  model.architecture = "gemma3";
  model.blocks = 6;
  model.sliding_window = 1024;
  const Bytes one_block = kib(4);  // of one token
  const auto tokens = [&](std::int64_t count) { return Bytes{count * one_block.count}; };
  const std::int64_t window = 4 * 1024 + 512;
  CHECK(estimate_llama(model, {.context = 8192}).cache == tokens(8192 + 5 * window));
  CHECK(estimate_llama(model, {.context = 8192, .whole_window = true}).cache == tokens(6 * 8192));
  CHECK(estimate_llama(model, {.context = 65536}).cache == tokens(65536 + 5 * window * (1 + 2)));
  model.architecture = "other";
  CHECK(estimate_llama(model, {.context = 8192}).cache == tokens(6 * 8192));  // no block is known to have it
  model.sliding_pattern = {1, 1, 1, 1, 1, 0};
  CHECK(estimate_llama(model, {.context = 8192}).cache == tokens(8192 + 5 * window));
}

TEST_CASE("whatever a header claims, an estimate is a number of bytes above its weights") {
  Gguf hostile = eight_billion();
  hostile.blocks = 16384;
  hostile.embedding_length = hostile.feed_forward_length = hostile.context_length = hostile.vocabulary = ~0ULL;
  hostile.key_length = hostile.value_length = hostile.sliding_window = hostile.state_size = hostile.inner_size = ~0ULL;
  hostile.kv_heads = hostile.heads = {~0U};
  const Estimate huge = estimate_llama(hostile, {.context = ~0ULL, .slots = ~0ULL, .micro_batch = ~0ULL});
  CHECK(huge.total() > gib(1 << 20));
  Gguf empty;
  CHECK(estimate_llama(empty, {}).total() > mib(10));
  CHECK(estimate_llama(empty, {}).total() < mib(100));
  CHECK(estimate_projector(hostile).total() >= hostile.weights);
}
