#include "cli/exit.hpp"

#include <utility>

namespace rouse::cli {
namespace {

// The statuses behind the names that errors have inside a stream.
constexpr std::array kNamed{
    std::pair{"model_not_found", 404},     std::pair{"conflict", 409},          std::pair{"unavailable", 503},
    std::pair{"rate_limit_exceeded", 429}, std::pair{"deadline_exceeded", 504}, std::pair{"model_too_large", 507},
};

}  // namespace

Exit exit_of(int status, std::string_view error_code) {
  for (const auto& [name, named_status] : kNamed) {
    if (status == 0 && error_code == name) status = named_status;
  }
  switch (status) {
    case 401:
    case 403: return Exit::not_allowed;
    case 404: return error_code.contains("model") ? Exit::unknown_model : Exit::failed;
    case 409:
    case 429:
    case 503: return Exit::refused;
    case 422: return error_code == "misconfigured" ? Exit::usage : Exit::failed;
    case 504: return Exit::deadline;
    case 507: return Exit::too_big;
    default: return Exit::failed;
  }
}

}  // namespace rouse::cli
