// How a family of clients wants to be told of errors. Data; one for each dialect, made by its own file.
#pragma once

#include <string>

#include "api/fault.hpp"

namespace rouse::api {

struct Dialect {
  // The body of an answer that is an error: JSON.
  std::string (*error_body)(const Fault& fault);
  // The same inside a stream of server-sent events that has begun: whole events, with their empty lines. Null for a
  // dialect without such streams.
  std::string (*error_event)(const Fault& fault);
};

}  // namespace rouse::api
