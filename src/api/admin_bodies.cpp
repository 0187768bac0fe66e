#include "api/admin_bodies.hpp"

#include <cstdint>
#include <format>
#include <glaze/json/read.hpp>
#include <utility>
#include <variant>

#include "api/lifecycle_options.hpp"

namespace rouse::api {
// Not in an unnamed namespace: reflection names it.
namespace admin_json {

struct ReservationWish {
  std::string device;
  std::variant<std::uint64_t, std::string> bytes;
  std::optional<double> seconds;
  std::optional<std::string> priority;
  std::optional<int> pid;
  bool wait = true;
};

}  // namespace admin_json

namespace {

struct ReadOptions : glz::opts {
  bool validate_trailing_whitespace = true;
};
constexpr ReadOptions kReadOptions = [] {
  ReadOptions options;
  options.null_terminated = false;
  options.error_on_unknown_keys = true;
  return options;
}();

template <class T>
Result<T> read_object(std::string_view body, std::string_view expected) {
  T value;
  if (body.empty()) return value;
  const glz::error_ctx wrong = glz::read<kReadOptions>(value, body);
  if (!wrong) return value;
  return fail(Code::malformed, std::format("the body makes no sense at byte {}; expected {}", wrong.count, expected));
}

}  // namespace

Result<LoadRequest> read_load_request(std::string_view body) {
  return read_object<LoadRequest>(body, R"({"wait": true or false}, or nothing)");
}

Result<UnloadRequest> read_unload_request(std::string_view body) {
  return read_object<UnloadRequest>(body, R"({"force": true or false}, or nothing)");
}

Result<ReloadRequest> read_reload_request(std::string_view body) {
  return read_object<ReloadRequest>(body, "{}, or nothing");
}

Result<ReservationRequest> read_reservation_request(std::string_view body) {
  const auto wish = read_object<admin_json::ReservationWish>(
      body, R"({"device": "gpu0", "bytes": "8GiB", "seconds": 600, "priority": "normal", "wait": true, "pid": 4711})");
  if (!wish) return std::unexpected(wish.error());
  ReservationRequest request{
      .device = wish->device, .bytes = {}, .lasts = {}, .priority = {}, .pid = wish->pid, .wait = wish->wait};
  const auto* text = std::get_if<std::string>(&wish->bytes);
  const auto bytes = text ? parse_bytes(*text) : parse_bytes(std::to_string(std::get<std::uint64_t>(wish->bytes)));
  if (!bytes || *bytes <= Bytes{}) return fail(Code::malformed, R"("bytes" is how many, as 1073741824 or "1GiB")");
  request.bytes = *bytes;
  if (wish->seconds && (!(*wish->seconds >= 0.001) || *wish->seconds > 366.0 * 24 * 3600))
    return fail(Code::malformed,
                R"("seconds" is how long the reservation lasts once it is granted: from 0.001 to a year)");
  if (wish->seconds)
    request.lasts = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*wish->seconds));
  if (!request.lasts && !request.pid)
    return fail(Code::malformed,
                R"(a reservation ends by itself: say after how many "seconds", or with which process ("pid"))");
  if (wish->priority) {
    request.priority = parse_priority(*wish->priority);
    if (!request.priority) return fail(Code::malformed, R"("priority" is one of "low", "normal" and "high")");
  }
  return request;
}

}  // namespace rouse::api
