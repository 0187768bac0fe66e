// How much memory a llama-server takes. Weights and cache are llama.cpp's own arithmetic; what it computes in, and the
// process itself, are fitted to what was measured: resident memory of llama-server 0.7.0 after a request
// of 1,500 to 12,000 tokens, on models of random weights.
//
//   weights, MiB   context   and              taken   estimated (MiB)
//              2     2,048                       32          33
//              2    32,768                       64          69
//            111     2,048                      170         175
//            111     8,192                      227         229
//            111     8,192   -ub 128            208         214
//            111     8,192   -fa off            253         357   (of which the request used a fifth of the context)
//            262     4,096   q8_0 weights       383         390
//            262    16,384   q8_0 weights       589         594
//            262    32,768   -ctk, -ctv q8_0    593         626
//           1628     4,096   128,000 words     1917        1935
#include <algorithm>
#include <cmath>

#include "engine/llama.hpp"

namespace rouse::engine {
namespace {

// Headers are hostile: every size is cut to what no real model reaches, so that no product below can overflow a
// double's exactness to the point of nonsense, or a 64-bit count.
constexpr std::uint64_t kMostTokens = 1ULL << 28;
constexpr std::uint64_t kMostLength = 1ULL << 24;
constexpr double kMostBytes = 1e18;

constexpr double kMostCheckpoints = 32;       // of a slot whose cache cannot be rewound (--ctx-checkpoints)
constexpr double kCheckpointDistance = 8192;  // tokens between two (--checkpoint-min-step)

double cut(std::uint64_t value, std::uint64_t most) { return static_cast<double>(std::min(value, most)); }

Bytes bytes(double count) { return Bytes{static_cast<std::int64_t>(std::clamp(count, 0.0, kMostBytes))}; }

// One number for all blocks, or one for each.
double of_block(const std::vector<std::uint32_t>& list, std::size_t block, double otherwise) {
  if (list.empty()) return otherwise;
  const std::uint32_t value = list.size() == 1 ? list.front() : block < list.size() ? list[block] : 0;
  return cut(value, kMostLength);
}

// llama.cpp knows by heart which blocks of these see a window only: all but each n-th.
std::uint32_t known_window_pattern(const Gguf& model) {
  constexpr std::pair<std::string_view, std::uint32_t> kPatterns[] = {
      {"gemma2", 2}, {"gemma3", 6}, {"gemma3n", 5}, {"gpt-oss", 2}, {"cohere2", 4}};
  for (const auto& [name, pattern] : kPatterns) {
    if (model.architecture == name) return pattern;
  }
  return 0;
}

bool has_window(const Gguf& model, std::size_t block) {
  if (model.sliding_window == 0) return false;
  if (model.sliding_pattern.size() > 1)
    return block < model.sliding_pattern.size() && model.sliding_pattern[block] != 0;
  const std::uint32_t each =
      model.sliding_pattern.empty() ? known_window_pattern(model) : model.sliding_pattern.front();
  return each > 0 && (block + 1) % each != 0;
}

struct Caches {
  double whole = 0;   // bytes of the blocks that see the whole context
  double window = 0;  // of those that see a window, or keep a state: these cannot be rewound
};

Caches caches(const Gguf& model, const LlamaShape& shape, double context) {
  Caches caches;
  if (!model.causal) return caches;  // an encoder computes in one go
  const double slots = std::max(cut(shape.slots, 4096), 1.0);
  const double embedding = cut(model.embedding_length, kMostLength);
  const double window =
      std::min(context, cut(model.sliding_window, kMostTokens) * slots + cut(shape.micro_batch, kMostTokens));
  for (std::size_t block = 0; block < model.blocks; ++block) {
    const double heads = std::max(of_block(model.heads, block, 1), 1.0);
    const double kv_heads = of_block(model.kv_heads, block, heads);
    const double key = model.key_length > 0 ? cut(model.key_length, kMostLength) : embedding / heads;
    const double value = model.value_length > 0 ? cut(model.value_length, kMostLength) : embedding / heads;
    const double token = kv_heads * (key * shape.key_bytes + (model.latent_length > 0 ? 0 : value * shape.value_bytes));
    if (has_window(model, block) && !shape.whole_window) {
      caches.window += window * token;
    } else {
      caches.whole += context * token;
    }
  }
  if (model.state_size > 0) {
    const double inner = cut(model.inner_size, kMostLength);
    const double state = cut(model.state_size, kMostLength);
    const double groups = cut(model.state_groups, 4096);
    const double convolution = std::max(cut(model.conv_kernel, 1024) - 1, 0.0) * (inner + 2 * groups * state);
    caches.window += static_cast<double>(model.blocks) * slots * (convolution + state * inner) * sizeof(float);
  }
  return caches;
}

}  // namespace

Estimate estimate_llama(const Gguf& model, const LlamaShape& shape) {
  const double slots = std::max(cut(shape.slots, 4096), 1.0);
  const double trained = cut(model.context_length, kMostTokens);
  double context = shape.context > 0 ? cut(shape.context, kMostTokens) : trained;
  context = std::ceil(context / 256) * 256;

  const Caches cache = caches(model, shape, context);
  const double slot_context = context / slots;
  const double checkpoints = std::min(kMostCheckpoints, std::floor(slot_context / kCheckpointDistance)) * cache.window;

  // One micro-batch: what each token's widest layer takes, and the mask of who sees whom; without flash attention every
  // head has a row of scores for each token, too. A slot never goes beyond what the model was trained with.
  const double tokens = std::min(cut(shape.micro_batch, kMostTokens), cut(shape.batch, kMostTokens));
  const double seen = model.causal ? std::min(context, trained > 0 ? trained * slots : context) : tokens;
  const double embedding = cut(model.embedding_length, kMostLength);
  const double wide = model.feed_forward_length > 0 ? cut(model.feed_forward_length, kMostLength) : 4 * embedding;
  double compute = tokens * (embedding + 4 * wide) * sizeof(float) + tokens * seen * 2;
  if (!shape.flash_attention || !model.causal) {
    compute += of_block(model.heads, 0, 1) * tokens * seen * sizeof(float);
  }

  Estimate estimate;
  estimate.weights = model.weights;
  estimate.cache = bytes(cache.whole + cache.window + checkpoints) + shape.prompt_cache;
  estimate.compute = bytes(compute);
  // The program and its libraries, threads, and a copy of the vocabulary with its indices.
  estimate.overhead = mib(24) + bytes(cut(model.vocabulary, kMostLength) * 320);
  return estimate;
}

Estimate estimate_projector(const Gguf& projector) {
  const double side = projector.patch_size > 0 ? cut(projector.image_size / projector.patch_size, 4096) : 0;
  const double patches = side * side;
  const double embedding = cut(projector.embedding_length, kMostLength);
  const double wide = std::max(cut(projector.feed_forward_length, kMostLength), 4 * embedding);
  Estimate estimate;
  estimate.weights = projector.weights;
  estimate.compute = bytes(patches * (embedding + 4 * wide) * sizeof(float));
  return estimate;
}

}  // namespace rouse::engine
