// The JSON of OpenAI's dialect. Pure.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "api/fault.hpp"
#include "daemon/status.hpp"

namespace rouse::api {

std::string openai_error(const Fault& fault);

// Every name that a request may give as its model: ids and aliases, each an entry of its own, because clients look in
// this list for the very name they were configured with.
std::string openai_model_list(std::span<const daemon::ModelStatus> models, std::chrono::system_clock::time_point since);
std::string openai_model_card(std::string_view name, std::chrono::system_clock::time_point since);

}  // namespace rouse::api
