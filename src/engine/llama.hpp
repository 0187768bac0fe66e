// The llama engine: llama-server of llama.cpp, on a Unix socket.
//
// What it is told beyond the configuration is told by environment variables: older and newer builds ignore those they
// do not know, where an unknown argument would end them, and the configuration's `args` have the last word.
#pragma once

#include "config/config.hpp"
#include "engine/engine.hpp"
#include "engine/gguf.hpp"

namespace rouse::engine {

extern const Engine kLlama;

// How one llama-server holds a model: what its memory depends on beside the model's file.
struct LlamaShape {
  std::uint64_t context = 0;  // tokens of all slots together; 0: what the model was trained with
  std::uint64_t slots = 4;
  std::uint64_t batch = 2048;
  std::uint64_t micro_batch = 512;  // tokens computed at once
  double key_bytes = 2;             // of one cached number
  double value_bytes = 2;
  bool flash_attention = true;
  bool whole_window = false;  // the cache of a sliding window as long as the context
  Bytes prompt_cache{};       // of conversations that have no slot any more
};

// From the configuration, its `args` included.
LlamaShape llama_shape(const config::Llama& options);

// Of one model file, or of a whole model whose weights are entered in `model`.
Estimate estimate_llama(const Gguf& model, const LlamaShape& shape);

// Of a projector (mmproj): its weights, and what one picture takes.
Estimate estimate_projector(const Gguf& projector);

}  // namespace rouse::engine
