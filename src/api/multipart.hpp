// One strict look at a multipart/form-data body (RFC 7578): which parts it has, what they are called and where they
// stand. What two readers might understand differently is refused: text around the parts, a delimiter's beginning
// inside a part, folded header lines, escaped quotes, a name that is given twice.
//
// Pure; any thread. Linear in the body, but for a factor of the boundary's length in what is made to slow it down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/edits.hpp"
#include "base/result.hpp"

namespace rouse::api {

inline constexpr std::size_t kMostParts = 1000;
inline constexpr std::size_t kLongestPartHead = std::size_t{8} << 10;

struct Part {
  std::string_view name;
  bool is_file = false;  // it has a file name
  bool is_plain = true;  // its content stands there as it is, not as base64 or the like
  Span content;
  Span whole;  // from its delimiter to the next one: cut out, the rest is a body again
};

// Fails with malformed, and the offset of what cannot stand there. Names point into `body`.
Result<std::vector<Part>> scan_multipart(std::string_view body, std::string_view boundary);

// The boundary that a Content-Type of multipart/form-data announces. Fails with malformed.
Result<std::string> boundary_of(std::string_view content_type);

// "multipart/form-data; boundary=…" → "multipart/form-data"
std::string_view media_type(std::string_view content_type);

}  // namespace rouse::api
