#include "http/address.hpp"

#include <charconv>
#include <format>

namespace rouse::http {

Result<Address> parse_address(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(Code::malformed,
                std::format("\"{}\" is no address: {}; write HOST:PORT, [IPV6]:PORT or unix:/PATH", text, why));
  };
  if (text.starts_with("unix:") || text.starts_with('/')) {
    const std::string_view path = text.starts_with('/') ? text : text.substr(5);
    if (path.empty()) return wrong("the path of the socket is missing");
    if (path.size() > 107) return wrong("the path of a Unix socket has at most 107 bytes");
    if (path.contains('\0')) return wrong("the path holds a zero byte");
    return unix_address(std::string(path));
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return wrong("an IPv6 address stands in brackets");
  }
  if (host.empty()) return wrong("the host is missing");
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return wrong("the port is no number up to 65535");
  return tcp_address(std::string(host), port);
}

std::string to_string(const Address& address) {
  if (address.is_unix()) return "unix:" + address.path;
  const std::string port = std::to_string(address.port);  // on the path of each request, where a format would be felt
  return address.host.contains(':') ? '[' + address.host + "]:" + port : address.host + ':' + port;
}

}  // namespace rouse::http
