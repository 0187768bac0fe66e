// How a family of clients wants to be told of errors. Data; one for each dialect, made by its own file.
#pragma once

#include <string>
#include <string_view>

#include "api/fault.hpp"

namespace rouse::api {

struct Dialect {
  // The body of an answer that is an error: JSON.
  std::string (*error_body)(const Fault& fault, std::string_view request_id);
  // The same inside a stream of server-sent events that has begun: whole events, with their empty lines. Null for a
  // dialect without such streams.
  std::string (*error_event)(const Fault& fault, std::string_view request_id) = nullptr;
  // The same for what an engine refused with this status. Null where engines' own errors are the dialect's already, and
  // are passed on as they are.
  std::string (*engine_error)(int status, std::string_view message, std::string_view request_id) = nullptr;
  std::string_view content_type = "application/json";  // of the bodies
  // What its clients call X-Request-Id besides; empty: nothing else.
  std::string_view id_header = {};
};

}  // namespace rouse::api
