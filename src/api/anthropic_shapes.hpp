// The JSON of Anthropic's dialect. Pure.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "daemon/status.hpp"

namespace rouse::api {

std::string anthropic_error(int status, std::string_view message, std::string_view request_id);

// As in OpenAI's list, every name that a request may give is an entry. All of them are on the one page.
std::string anthropic_model_list(std::span<const daemon::ModelStatus> models,
                                 std::chrono::system_clock::time_point since);
std::string anthropic_model_card(std::string_view name, std::chrono::system_clock::time_point since);

}  // namespace rouse::api
