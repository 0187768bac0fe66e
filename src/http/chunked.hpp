// Decodes a chunked body in place and without I/O, as strictly as the heads are parsed. Chunk extensions are
// skipped (bounded), trailers are checked and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rouse::http {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that were used
    std::size_t decoded = 0;   // bytes of body, now at the front of the input
  };

  // Takes what has arrived, in pieces of any size, and moves the body bytes in it to the front of `input`.
  // Uses all of the input unless the body ends (done()) or is malformed (failed()).
  Step decode(std::span<char> input);

  bool done() const { return state_ == State::done; }
  bool failed() const { return state_ == State::failed; }
  void reset() { *this = ChunkedDecoder{}; }

 private:
  enum class State : std::uint8_t {
    size_first,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer,
    trailer_lf,
    end_lf,
    done,
    failed
  };

  State state_ = State::size_first;
  std::uint64_t left_ = 0;    // of the current chunk
  std::uint32_t digits_ = 0;  // of the current size
  std::uint32_t extra_ = 0;   // bytes of extensions and trailers so far
};

}  // namespace rouse::http
