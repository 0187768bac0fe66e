// The heads of HTTP/1.1 messages, parsed strictly and without I/O. What is ambiguous is refused, never
// repaired: two readers of one byte stream that disagree are how requests are smuggled.
//
// All views point into the bytes that were parsed. A head object is reused: parsing clears it and keeps its memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/fields.hpp"

namespace rouse::http {

inline constexpr std::size_t kMaxFields = 128;

struct RequestHead {
  std::string_view method;
  std::string_view target;  // in origin form ("/a?b"), or "*"
  std::string_view path;    // before the question mark, not decoded
  std::string_view query;   // behind it; empty if there is none
  std::string_view host;    // the Host field; empty only from HTTP/1.0
  std::vector<Field> fields;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool http_1_0 = false;
  bool close = false;  // the client wants the connection closed (always so for HTTP/1.0)
  bool expects_continue = false;

  // The value of the first field of that name.
  std::optional<std::string_view> field(std::string_view name) const;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;  // behind the status; may be empty
  std::vector<Field> fields;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool close = false;  // the upstream will not take another request on this connection

  std::optional<std::string_view> field(std::string_view name) const;
};

// Where the head ends: the offset just behind its empty line, or 0 while it has not all arrived. `seen` is how
// many bytes were looked at in vain before, so that delivery byte by byte stays linear.
std::size_t find_head_end(std::string_view bytes, std::size_t seen);

// Why a head was refused.
struct HeadRefusal {
  int status = 400;
  std::string_view reason;  // static text, fit for the client
};

// `bytes` is exactly one head, its empty line included (see find_head_end).
std::optional<HeadRefusal> parse_request_head(std::string_view bytes, RequestHead& head);
std::optional<HeadRefusal> parse_response_head(std::string_view bytes, ResponseHead& head);

}  // namespace rouse::http
