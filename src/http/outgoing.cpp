// The head of a request as it goes upstream.
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "http/wire.hpp"

namespace rouse::http {
namespace {

bool is_credential(std::string_view name) {
  return same_name(name, "authorization") || same_name(name, "x-api-key") || same_name(name, "api-key");
}

bool is_of_the_connection(std::string_view name) {
  return is_hop_by_hop(name) || same_name(name, "host") || same_name(name, "expect");
}

bool is_for_rouse(std::string_view name) {
  return same_name(name, "x-model") || (name.size() > 8 && same_name(name.substr(0, 8), "x-rouse-"));
}

bool travels(const Field& field, const Outgoing& request, std::string_view named_by_connection) {
  if (is_of_the_connection(field.name)) return false;
  if (request.passing == Passing::inference && is_for_rouse(field.name)) return false;
  if (request.authorization == Credentials::drop && is_credential(field.name)) return false;
  if (request.cookies == Credentials::drop && same_name(field.name, "cookie")) return false;
  return named_by_connection.empty() || !has_token(named_by_connection, field.name);
}

// The lines ended by CRLF, each of which is a field.
bool are_header_lines(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    if (end == std::string_view::npos) return false;
    const std::string_view line = lines.substr(0, end);
    if (!is_token(line.substr(0, line.find(':'))) || !line.contains(':') || !is_field_value(line)) return false;
    lines.remove_prefix(end + 2);
  }
  return true;
}

bool is_target(std::string_view target) {
  const auto splits = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
  return !target.empty() && std::ranges::none_of(target, splits);
}

bool says_length(const Outgoing& request) {
  constexpr std::array<std::string_view, 3> kAlways{"POST", "PUT", "PATCH"};
  if (!request.body.empty() || std::ranges::contains(kAlways, request.method)) return true;
  const auto is_length = [](const Field& field) { return same_name(field.name, "content-length"); };
  return request.passing == Passing::everything && std::ranges::any_of(request.fields, is_length);
}

}  // namespace

bool compose_head(std::string& out, const Outgoing& request, const Address& upstream) {
  if (!is_token(request.method) || !is_target(request.target) || !is_field_value(request.host) ||
      !is_field_value(request.upgrade) || !are_header_lines(request.extra)) {
    return false;
  }
  out.append(request.method).append(1, ' ').append(request.target).append(" HTTP/1.1\r\nHost: ");
  if (!request.host.empty()) {
    out.append(request.host);
  } else if (upstream.is_unix()) {
    out.append("localhost");
  } else if (upstream.tls && upstream.port == 443) {
    out.append(upstream.host.contains(':') ? '[' + upstream.host + ']' : upstream.host);
  } else {
    out.append(to_string(upstream));
  }
  out.append("\r\n");

  std::string_view named_by_connection;  // "Connection: x-a, x-b" makes these two hop by hop
  for (const Field& field : request.fields) {
    if (!same_name(field.name, "connection") || same_name(field.value, "close")) continue;
    if (!same_name(field.value, "keep-alive")) named_by_connection = field.value;
  }
  for (const Field& field : request.fields) {
    if (!travels(field, request, named_by_connection)) continue;
    if (!is_token(field.name) || !is_field_value(field.value)) return false;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!request.upgrade.empty()) out.append("Connection: Upgrade\r\nUpgrade: ").append(request.upgrade).append("\r\n");
  out.append(request.extra);
  if (says_length(request)) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, request.body.size()).ptr;
    out.append("Content-Length: ").append(digits, end).append("\r\n");
  }
  out.append("\r\n");
  return true;
}

}  // namespace rouse::http
