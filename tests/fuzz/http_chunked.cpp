// Chunked bodies: the result does not depend on how the bytes were cut, and the body written anew reads the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <format>
#include <string>
#include <string_view>

#include "http/chunked.hpp"

using namespace rouse::http;

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

struct Decoded {
  std::string body;
  std::size_t consumed = 0;
  bool done = false;
  bool failed = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, std::size_t at_once) {
  ChunkedDecoder decoder;
  Decoded result;
  while (result.consumed < bytes.size() && !decoder.done() && !decoder.failed()) {
    std::string piece(bytes.substr(result.consumed, at_once));
    const auto step = decoder.decode(piece);
    must(step.consumed <= piece.size() && step.decoded <= step.consumed);
    must(step.consumed == piece.size() || decoder.done() || decoder.failed());
    result.body.append(piece, 0, step.decoded);
    result.consumed += step.consumed;
  }
  result.done = decoder.done();
  result.failed = decoder.failed();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(bytes, std::max<std::size_t>(size, 1));
  for (const std::size_t at_once : {1u, 2u, 5u, 64u}) must(decode(bytes, at_once) == whole);
  must(!(whole.done && whole.failed));
  if (!whole.done) return 0;
  const std::string again =
      whole.body.empty() ? "0\r\n\r\n" : std::format("{:x}\r\n{}\r\n0\r\n\r\n", whole.body.size(), whole.body);
  const Decoded same = decode(again, again.size());
  must(same.done && same.body == whole.body && same.consumed == again.size());
  return 0;
}
