// For probes, and for people who point a browser here. Owner thread.
#pragma once

#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

http::Task<void> health_live(const Parts& parts, Reply& reply, std::string_view);   // 200 while the process runs
http::Task<void> health_ready(const Parts& parts, Reply& reply, std::string_view);  // 503 once shutdown has begun
http::Task<void> welcome(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
