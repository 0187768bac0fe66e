#include "api/engine_fault.hpp"

#include <format>

namespace rouse::api {

Fault engine_fault(const Error& error, std::optional<daemon::Cut> cut, bool remote, std::string_view model,
                   std::string_view worker_end) {
  if (cut == daemon::Cut::cancelled) {
    return Error{Code::cancelled, std::format("an operator cancelled this request to model \"{}\"", model),
                 error.message};
  }
  if (cut == daemon::Cut::gave_way) {
    return Error{
        Code::upstream_failed,
        std::format("model \"{}\" was stopped for others who wait, or for what the configuration says now", model),
        error.message};
  }
  if (cut) {
    return Error{Code::upstream_failed,
                 std::format("model \"{}\" was unloaded by force, or the server shut down, while it answered", model),
                 error.message};
  }
  if (error.code == Code::deadline) {
    return Error{Code::deadline, std::format("the deadline passed before model \"{}\" had answered", model),
                 error.message};
  }
  if (error.code == Code::untrusted) {
    return Error{Code::untrusted, std::format("the server behind model \"{}\" is not asked: {}", model, error.message),
                 error.context};
  }
  if (error.code == Code::unavailable) return error;
  if (remote) {
    return Error{Code::upstream_failed,
                 std::format("the server behind model \"{}\" cannot be reached, or broke off; try again", model),
                 error.context};
  }
  if (!worker_end.empty()) {
    return Error{Code::upstream_failed,
                 std::format("model \"{}\" broke off: its worker ended while it answered: {}; try again", model,
                             worker_end.substr(0, worker_end.find('\n'))),
                 std::string(worker_end)};
  }
  return Error{
      Code::upstream_failed,
      std::format("model \"{}\" broke off: its worker ended, closed the connection, or answered what is no HTTP; "
                  "try again",
                  model),
      error.context.empty() ? error.message : std::format("{}: {}", error.message, error.context)};
}

}  // namespace rouse::api
