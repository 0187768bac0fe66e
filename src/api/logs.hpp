// GET /rouse/v1/models/{id}/logs?lines=100&follow=true: what a model's workers wrote, as plain text. Owner thread.
#pragma once

#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

// A follower gets the last lines and then each new one, until it leaves or the daemon shuts down. One that reads too
// slowly is told how many lines it missed.
http::Task<void> admin_logs(const Parts& parts, Reply& reply, std::string_view id);

}  // namespace rouse::api
