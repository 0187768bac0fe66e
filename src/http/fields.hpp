// Header fields: comparing their names, and telling apart those that belong to one connection (hop by hop)
// from those that travel on.
#pragma once

#include <cstddef>
#include <string_view>

namespace rouse::http {

struct Field {
  std::string_view name;  // as received
  std::string_view value;
};

bool same_letters(const char* a, const char* b, std::size_t size);

// Equal but for the case of ASCII letters.
inline bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_letters(a.data(), b.data(), a.size());
}

// Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-*, and Content-Length: every hop
// writes its own.
bool is_hop_by_hop(std::string_view name);

// Server and Access-Control-*: what a server says for itself, and whom it lets read its answers. Whoever passes an
// answer on says that for itself, too.
bool is_of_the_server(std::string_view name);

// True if `list` ("close, x-foo") has `token` as one of its members.
bool has_token(std::string_view list, std::string_view token);

inline constexpr int kSwitchingProtocols = 101;

// What stands behind a status code: "Not Found"; empty for one that nobody registered.
std::string_view reason_phrase(int status);

// True if `value` may stand in a header line: no control characters but the tab.
bool is_field_value(std::string_view value);
bool is_token(std::string_view text);

}  // namespace rouse::http
