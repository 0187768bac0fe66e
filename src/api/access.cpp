#include "api/access.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <format>

#include "api/multipart.hpp"

namespace rouse::api {
namespace {

// The name in "name:port", with the brackets of an IPv6 address; empty if it is no authority.
std::string_view host_of(std::string_view authority) {
  const std::size_t end =
      authority.starts_with('[') ? authority.find(']') + 1 : std::min(authority.find(':'), authority.size());
  if (authority.starts_with('[') && end == 0) return {};
  const std::string_view port = authority.substr(end);
  const bool good =
      port.empty() || (port.starts_with(':') && port.find_first_not_of("0123456789", 1) == std::string_view::npos);
  return good ? authority.substr(0, end) : std::string_view();
}

// Two would be read by us as the one, and by the engine as the other.
bool is_of_type(const http::RequestHead& head, std::string_view type) {
  const auto says_type = [](const http::Field& field) { return http::same_name(field.name, "Content-Type"); };
  return std::ranges::count_if(head.fields, says_type) == 1 &&
         http::same_name(media_type(*head.field("Content-Type")), type);
}

bool is_numeric(std::string_view host) {
  in6_addr address;  // holds either
  if (host.starts_with('['))
    return ::inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address) == 1;
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

}  // namespace

Access::Access(std::vector<std::string> more_hosts) : hosts_(std::move(more_hosts)) {
  for (std::string& host : hosts_) {
    any_address_ = any_address_ || host == "0.0.0.0" || host == "::";
    if (host.contains(':') && !host.starts_with('[')) host = std::format("[{}]", host);
  }
  hosts_.insert(hosts_.end(), {"localhost", "127.0.0.1", "[::1]"});
}

bool Access::knows(std::string_view authority) const {
  const std::string_view host = host_of(authority);
  return !host.empty() &&
         std::ranges::any_of(hosts_, [&](const std::string& known) { return http::same_name(known, host); });
}

Result<void> Access::check(const http::RequestHead& head, std::string_view peer) const {
  const bool remote = peer != "unix";
  const bool nameless = head.host.empty() && head.http_1_0;  // a simple probe; browsers name their host
  const std::string_view host = host_of(head.host);
  if (remote && !nameless && !knows(head.host) && !(any_address_ && is_numeric(host))) {
    return fail(Code::forbidden,
                "this Host is not known here; use localhost, the address the server listens on, or a name that its "
                "configuration lists under hosts");
  }
  bool has_origin = false;
  for (const http::Field& field : head.fields) {
    if (field.name.size() != 6 || !http::same_name(field.name, "Origin")) continue;
    has_origin = true;
    std::string_view origin = field.value;
    // A page that keeps its address to itself; what browsers say of a request, no page can change.
    if (origin == "null" && head.field("Sec-Fetch-Site").value_or("") == "same-origin") continue;
    const std::size_t scheme = origin.starts_with("http://") ? 7 : origin.starts_with("https://") ? 8 : 0;
    origin.remove_prefix(scheme);
    const bool ours = knows(origin) || (remote && !host.empty() && http::same_name(host_of(origin), host));
    if (scheme == 0 || !ours) return fail(Code::forbidden, "web pages of other sites may not use this server");
  }
  const bool acts = head.method != "GET" && head.method != "HEAD";
  if (acts && !has_origin && head.field("Sec-Fetch-Site").value_or("") == "cross-site")
    return fail(Code::forbidden, "web pages of other sites may not use this server");
  return {};
}

Result<void> require_json(const http::RequestHead& head) {
  if (head.method == "DELETE" || is_of_type(head, "application/json")) return {};
  return fail(Code::unsupported_media, "send this with the header Content-Type: application/json");
}

Result<void> require_json_or_form(const http::RequestHead& head) {
  if (is_of_type(head, "application/json") || is_of_type(head, "multipart/form-data")) return {};
  return fail(Code::unsupported_media,
              "send this with the header Content-Type: application/json, or multipart/form-data with its boundary");
}

}  // namespace rouse::api
