// What went wrong, as a value: a closed set of codes, a message that tells the person what to do next, and
// context for whoever may see internals.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace rouse {

// The closed set. api/ has the one table from Code to HTTP status and to each dialect's error shape.
enum class Code : std::uint8_t {
  malformed,           // 400 the request cannot be understood
  unauthenticated,     // 401 no key, or one that nobody knows
  forbidden,           // 403 this key may not
  unknown_model,       // 404 no such model in the catalogue
  not_found,           // 404 no such path or thing
  method_not_allowed,  // 405
  request_timeout,     // 408 the request did not arrive in time
  conflict,            // 409 not in this state
  cancelled,           // 409 an operator ended the request
  too_large,           // 413 body over the limit
  unsupported_media,   // 415 wrong content type
  client_limit,        // 429 a client's own limit; try again later
  misconfigured,       // 422 the configuration file is wrong; nothing has changed
  internal,            // 500 a fault of ours
  load_failed,         // 502 the engine could not be started or broke
  upstream_failed,     // 502 the engine closed or misbehaved in mid-answer
  untrusted,           // 502 an upstream's certificate does not hold
  unavailable,         // 503 not now; nothing has begun; try again later
  deadline,            // 504 the deadline passed before the first byte
  too_big_for_ever,    // 507 larger than the device can ever offer
};

struct Error {
  Code code = Code::internal;
  std::string message;  // for anybody: what happened and what to do next, no internals
  std::string context;  // for an administrator: paths, sizes, the worker's last lines; may be empty
};

// For an administrator, as one line if its context is.
inline std::string in_full(const Error& error) {
  return error.context.empty() ? error.message : error.message + " (" + error.context + ")";
}

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string message, std::string context = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(context)});
}

}  // namespace rouse
