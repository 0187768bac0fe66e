// Any bytes are either a GGUF header or an error with a reason, and an estimate of whatever was read is a sane number.
#include <cstdint>
#include <cstdlib>

#include "engine/llama.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rouse;
  using namespace rouse::engine;
  const auto bytes = std::as_bytes(std::span(data, size));
  // As if the file went on: so that claims of large arrays and tensors are not all refused at once.
  for (const std::uint64_t file_size :
       {std::uint64_t{size}, std::uint64_t{size} + (1U << 16), std::uint64_t{1} << 40}) {
    const auto model = parse_gguf(bytes, file_size);
    if (!model) {
      if (model.error().message.empty()) std::abort();
      continue;
    }
    if (model->weights > model->file || model->heads.size() > (1U << 14)) std::abort();
    if (estimate_llama(*model, {}).total() < model->weights) std::abort();
    if (estimate_projector(*model).total() < model->weights) std::abort();
  }
  return 0;
}
