// For probes, and for people who point a browser here. Owner thread.
#pragma once

#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

http::Task<void> health_live(const Parts& parts, Reply& reply, std::string_view);   // 200 while the process runs
http::Task<void> health_ready(const Parts& parts, Reply& reply, std::string_view);  // 503 once shutdown has begun
// 503 while a load, an unload or a waiting request stands longer than its history and its time-outs explain, naming it.
http::Task<void> health_load(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> welcome(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
