// What a dialect wants to know of a JSON request body before it goes to the engine as it is. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/json_scan.hpp"
#include "base/result.hpp"

namespace rouse::api {

inline constexpr std::size_t kLongestModelName = 512;

struct RequestBody {
  std::optional<std::string> model;
  bool stream = false;
  Member model_member;  // where `model` stands
};

// Fails with malformed. The model's name is UTF-8, not empty and at most kLongestModelName bytes.
Result<RequestBody> read_request_body(std::string_view body);

}  // namespace rouse::api
