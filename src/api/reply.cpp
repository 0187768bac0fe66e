#include "api/reply.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <format>

namespace rouse::api {
namespace {

constexpr std::size_t kLongestRequestId = 128;

// Fit for a header and for a line of the log.
bool is_sane(std::string_view id) {
  const auto plain = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || std::string_view("-_.:/+=@").contains(c);
  };
  return !id.empty() && id.size() <= kLongestRequestId && std::ranges::all_of(id, plain);
}

// `name`;dur=1.234, in milliseconds.
void append_metric(std::string& out, std::string_view name, Duration duration) {
  const std::int64_t us =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, us / 1000).ptr;
  out.append(out.ends_with(' ') ? "" : ", ")
      .append(name)
      .append(";dur=")
      .append(digits, static_cast<std::size_t>(end - digits));
  const auto part = us % 1000;
  const char fraction[] = {'.', static_cast<char>('0' + part / 100), static_cast<char>('0' + part / 10 % 10),
                           static_cast<char>('0' + part % 10)};
  out.append(fraction, sizeof fraction);
}

}  // namespace

std::string request_id(const http::RequestHead& head, std::uint64_t seed) {
  const auto given = head.field("X-Request-Id");
  if (given && is_sane(*given)) return std::string(*given);
  // splitmix64: different for each seed, and not to be mistaken for a count.
  seed += 0x9e3779b97f4a7c15;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
  seed ^= seed >> 31;
  // As long as a string can be without memory of its own: each digit is six bits.
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
  std::string id = "req-00000000000";
  for (auto it = id.rbegin(); seed != 0; ++it, seed >>= 6) *it = kDigits[seed & 63];
  return id;
}

std::string answer_lines(const Dialect& dialect, std::string_view id, const Timing& timing, std::string_view more) {
  std::string lines;
  lines.reserve(160 + id.size() + more.size());
  lines.append("X-Request-Id: ").append(id).append("\r\n");
  if (!dialect.id_header.empty()) lines.append(dialect.id_header).append(": ").append(id).append("\r\n");
  lines.append("Server-Timing: ");
  append_metric(lines, "queue", timing.queue);
  if (timing.load) append_metric(lines, "load", *timing.load);
  if (timing.first) append_metric(lines, "first", *timing.first);
  return lines.append("\r\n").append(more);
}

Reply::Reply(http::Exchange& exchange, const Dialect& dialect, std::string id)
    : exchange_(exchange), dialect_(&dialect), id_(std::move(id)) {}

std::string_view Reply::lines() {
  const std::string_view line = served_by ? std::string_view(served_by->served_by) : std::string_view();
  return lines_ = answer_lines(*dialect_, id_, timing, line);
}

http::Task<void> Reply::send(int status, std::string_view content_type, std::string body, std::string_view more_lines) {
  exchange_.begin(status, body.size());
  exchange_.append_field("Content-Type", content_type);
  exchange_.append_lines(lines());
  exchange_.append_lines(more_lines);
  if (co_await exchange_.write(body) == http::Delivery::sent) co_await exchange_.end();
}

http::Task<void> Reply::json(int status, std::string body) {
  body += '\n';
  co_await send(status, "application/json", std::move(body));
}

http::Task<void> Reply::text(int status, std::string body) {
  co_await send(status, "text/plain; charset=utf-8", std::move(body));
}

http::Task<void> Reply::error(Fault fault) {
  if (!caller.is_admin()) fault.error.context.clear();
  if (exchange_.begun()) {
    if (!in_events_ || dialect_->error_event == nullptr || !exchange_.appendable()) co_return;
    const std::string event = dialect_->error_event(fault, id_);
    if (co_await exchange_.write(event) == http::Delivery::sent) co_await exchange_.end();
    co_return;
  }
  served_by.reset();  // these are words of ours
  std::string more;
  if (const auto seconds = retry_after_seconds(fault)) more += std::format("Retry-After: {}\r\n", *seconds);
  if (kind(fault.error.code).retry == Retry::never) more += "x-should-retry: false\r\n";
  if (fault.error.code == Code::unauthenticated) more += "WWW-Authenticate: Bearer\r\n";
  co_await send(fault.status(), dialect_->content_type, dialect_->error_body(fault, id_) + '\n', more);
}

http::Task<void> Reply::engine_error(int status, std::string_view message, std::string_view retry_after) {
  std::string more;
  if (!retry_after.empty()) more = std::format("Retry-After: {}\r\n", retry_after);
  co_await send(status, "application/json", dialect_->engine_error(status, message, id_) + '\n', more);
}

http::Task<void> Reply::method_not_allowed(std::string allow) {
  Error error{Code::method_not_allowed, std::format("this path is for {} alone", allow), {}};
  co_await send(405, "application/json", dialect_->error_body(Fault(std::move(error)), id_) + '\n',
                std::format("Allow: {}\r\nx-should-retry: false\r\n", allow));
}

void Reply::begin_events() {
  exchange_.begin(200);
  exchange_.append_field("Content-Type", "text/event-stream");
  exchange_.append_field("Cache-Control", "no-cache");
  exchange_.append_field("X-Accel-Buffering", "no");
  exchange_.append_lines(lines());
  in_events_ = true;
}

}  // namespace rouse::api
