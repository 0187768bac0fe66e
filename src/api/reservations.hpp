// /rouse/v1/reservations: bytes of a device for a program outside.
#pragma once

#include <string_view>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "http/task.hpp"

namespace rouse::api {

http::Task<void> reservations(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> reserve(const Parts& parts, Reply& reply, std::string_view);
http::Task<void> end_reservation(const Parts& parts, Reply& reply, std::string_view id);

}  // namespace rouse::api
