// Our own routes, under /rouse/v1/: what operators see and steer. Owner thread.
#pragma once

#include <string_view>

#include "api/dialect.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

// {"error":{"code","message","context"}}
extern const Dialect kAdmin;

http::Task<void> admin_models(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> admin_model(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> admin_devices(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> admin_requests(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> admin_cancel(const Parts& parts, Reply& reply, std::string_view id);  // gives it as it was
http::Task<void> admin_load(const Parts& parts, Reply& reply, std::string_view id);    // {"wait": bool = true}
http::Task<void> admin_unload(const Parts& parts, Reply& reply, std::string_view id);  // {"force": bool = false}
http::Task<void> admin_pin(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> admin_forget(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> admin_trim(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> admin_unpin(const Parts& parts, Reply& reply, std::string_view id);
http::Task<void> admin_reload(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
