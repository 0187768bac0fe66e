// The JSON of Anthropic's dialect. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "daemon/status.hpp"

namespace rouse::api {

std::string anthropic_error(int status, std::string_view message, std::string_view request_id);

// Which part of the list: what follows the entry `after`, or comes right before the entry `before`, or its beginning.
struct ModelPage {
  static constexpr std::size_t kMost = 1000;
  std::size_t limit = 20;
  std::optional<std::string> before = {};
  std::optional<std::string> after = {};
};

// As in OpenAI's list, every name that a request may give is an entry. Fails with malformed for a page that is to begin
// or end at an entry that is not there.
Result<std::string> anthropic_model_list(std::span<const daemon::ModelStatus> models,
                                         std::chrono::system_clock::time_point since, const ModelPage& page);
std::string anthropic_model_card(std::string_view name, std::chrono::system_clock::time_point since);

}  // namespace rouse::api
