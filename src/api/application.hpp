// The path of a request to an application: a program behind the command engine, whose own pages and routes are passed
// through as they are, WebSocket and streams included. It is woken by the first request; whoever has a request or a
// WebSocket open there keeps it.
//
//   on Rouse's own address      /rouse/v1/models/{id}/app/…, the part behind app being what the application is asked
//   on an address of its own    `listen:` in the configuration; everything there is the application's
#pragma once

#include <cstdint>
#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

// The route /rouse/v1/models/{id}/app/…, and the same without the last slash, which is added.
http::Task<void> application(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> application_slash(const Parts& parts, Reply& reply, std::string_view id);

// Of an address of its own.
http::Task<void> application_at_home(const Parts& parts, Reply& reply, std::string_view id);

}  // namespace rouse::api
