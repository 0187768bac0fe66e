// Where a server listens, or an upstream is reached: a TCP host and port, or the path of a Unix socket.
// A plain value.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace rouse::http {

struct Address {
  std::string host = {};     // a name or a numeric address without brackets; empty for a Unix socket
  std::uint16_t port = 0;    // 0, for a listener: any free one
  std::string path = {};     // of the Unix socket; empty for TCP
  bool tls = false;          // of an upstream; TCP alone
  std::string ca_file = {};  // whose authorities are trusted then; empty: the machine's own

  bool is_unix() const { return !path.empty(); }
  friend auto operator<=>(const Address&, const Address&) = default;
};

inline Address unix_address(std::string path) { return Address{.path = std::move(path)}; }
inline Address tcp_address(std::string host, std::uint16_t port) {
  return Address{.host = std::move(host), .port = port};
}

// Reads "127.0.0.1:11450", "[::1]:80", "localhost:8080", "unix:/run/x.sock" and "/run/x.sock".
Result<Address> parse_address(std::string_view text);

// The form that parse_address reads.
std::string to_string(const Address& address);

}  // namespace rouse::http
