// GET /openapi.json: docs/openapi.json, which describes the admin interface and the routes of probes. It is built into
// the program; a test holds it to the table of routes, and another to real answers.
#pragma once

#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

std::string_view openapi_document();

http::Task<void> openapi(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
