#include "http/chunked.hpp"

#include <algorithm>
#include <cstring>

namespace rouse::http {
namespace {

constexpr std::uint32_t kMaxDigits = 15;        // of a chunk's size
constexpr std::uint32_t kMaxExtra = 16 * 1024;  // of extensions and trailers together

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u < 0x20 && c != '\t') || u == 0x7f;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::decode(std::span<char> input) {
  Step step;
  const auto refuse = [&] {
    state_ = State::failed;
    return step;
  };
  const auto next = [&](char c, char wanted, State state) {
    state_ = c == wanted ? state : State::failed;
    return c == wanted;
  };

  while (step.consumed < input.size() && !done() && !failed()) {
    if (state_ == State::data) {
      const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - step.consumed));
      std::memmove(input.data() + step.decoded, input.data() + step.consumed, here);
      step.consumed += here;
      step.decoded += here;
      left_ -= here;
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    const char c = input[step.consumed++];
    switch (state_) {
      case State::size_first:
        left_ = 0;
        digits_ = 0;
        state_ = State::size;
        [[fallthrough]];
      case State::size:
        if (const int digit = hex_value(c); digit >= 0) {
          if (++digits_ > kMaxDigits) return refuse();
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        } else if (digits_ == 0) {
          return refuse();
        } else if (c == ';') {
          state_ = State::extension;
        } else if (!next(c, '\r', State::size_lf)) {
          return step;
        }
        break;
      case State::extension:
        if (c == '\r') {
          state_ = State::size_lf;
        } else if (is_control(c) || ++extra_ > kMaxExtra) {
          return refuse();
        }
        break;
      case State::size_lf: next(c, '\n', left_ == 0 ? State::trailer_first : State::data); break;
      case State::data_cr: next(c, '\r', State::data_lf); break;
      case State::data_lf: next(c, '\n', State::size_first); break;
      case State::trailer_first:
        if (c == '\r') {
          state_ = State::end_lf;
          break;
        }
        state_ = State::trailer;
        if (c == ' ' || c == '\t' || c == ':') return refuse();
        [[fallthrough]];
      case State::trailer:
        if (c == '\r') {
          state_ = State::trailer_lf;
        } else if (is_control(c) || ++extra_ > kMaxExtra) {
          return refuse();
        }
        break;
      case State::trailer_lf: next(c, '\n', State::trailer_first); break;
      case State::end_lf: next(c, '\n', State::done); break;
      case State::data:
      case State::done:
      case State::failed: break;
    }
  }
  return step;
}

}  // namespace rouse::http
