// What an engine's error answer says, whatever its shape, in one line for a client. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rouse::api {

// Of {"error":{"message":"…"}}, {"error":"…"} or {"message":"…"}; otherwise that it answered so, without its words.
std::string engine_message(std::string_view body, int status);

}  // namespace rouse::api
