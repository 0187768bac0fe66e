// The header of a GGUF file: what an estimate needs of it, and nothing else.
//
// A model file is a stranger's input. Every count, length and offset is checked against what is left of the file
// before it is used; arrays are walked, not stored; no more than kMostHeader bytes are read, in small pieces; nothing
// is allocated by a number that the file gives. What is wrong comes back as an Error that says what and where.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace rouse::engine {

struct Gguf {
  std::uint32_t version = 0;
  std::string architecture;  // "llama", "qwen3", "bert", "clip", …
  std::string name;
  std::optional<std::uint32_t> file_type;  // general.file_type: how most of it is quantised

  // Of the architecture; 0 where the file says nothing.
  std::uint64_t blocks = 0;
  std::uint64_t context_length = 0;
  std::uint64_t embedding_length = 0;
  std::uint64_t feed_forward_length =
      0;  // the largest of the blocks'; of a token's experts together, where it has such
  std::uint64_t vocabulary = 0;
  std::uint64_t key_length = 0;                // of one head
  std::uint64_t value_length = 0;              // of one head
  std::uint64_t latent_length = 0;             // of compressed keys and values (MLA), which are cached once
  std::uint64_t sliding_window = 0;            // tokens that a block with a window sees
  std::vector<std::uint32_t> sliding_pattern;  // by block: has a window; or one entry n: all but each n-th
  std::uint64_t experts = 0;
  std::vector<std::uint32_t> heads;      // by block; one entry when all are alike
  std::vector<std::uint32_t> kv_heads;   // by block; one entry when all are alike
  std::optional<std::uint32_t> pooling;  // an embedding model's
  bool causal = true;

  // Of an attention-free or hybrid model (Mamba and the like); 0 where there is none.
  std::uint64_t state_size = 0;
  std::uint64_t inner_size = 0;
  std::uint64_t conv_kernel = 0;
  std::uint64_t state_groups = 0;

  // Of a projector (mmproj).
  std::uint64_t image_size = 0;
  std::uint64_t patch_size = 0;

  // Of this file of a model that is split over several.
  std::uint32_t split_number = 0;
  std::uint32_t split_count = 1;

  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  Bytes weights;  // of this file's tensors
  Bytes file;     // the whole file
};

// Most that a header may take: a vocabulary of 256 thousand words takes about 10 MiB.
inline constexpr std::uint64_t kMostHeader = 256ULL << 20;

Result<Gguf> read_gguf(const std::filesystem::path& path);

// The same of bytes in memory, of a file that is `file_size` long: for tests and the fuzzer.
Result<Gguf> parse_gguf(std::span<const std::byte> head, std::uint64_t file_size);

// All files of the model that `path` belongs to: itself, or for "…-00001-of-00003.gguf" all three in order. Error when
// one is missing.
Result<std::vector<std::filesystem::path>> gguf_shards(const std::filesystem::path& path);

}  // namespace rouse::engine
