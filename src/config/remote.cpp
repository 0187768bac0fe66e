#include "config/remote.hpp"

#include <boost/url/parse.hpp>

namespace rouse::config {
namespace {

constexpr std::string_view kWhat = "http://HOST:PORT, https://HOST:PORT or unix:/PATH";

void read_socket(Reading& reading, const Entry& entry, std::string_view path, Remote& into) {
  constexpr std::size_t kLongestSocketPath = 107;  // of sockaddr_un
  if (!path.starts_with('/') || path.size() > kLongestSocketPath || path.contains('\0'))
    return reading.expected(entry, "the absolute path of a Unix socket behind unix:, of at most 107 bytes");
  into.socket = path;
}

}  // namespace

void read_url(Reading& reading, const Entry& entry, Remote& into) {
  const auto text = reading.scalar(entry, kWhat);
  if (!text) return;
  if (text->starts_with("unix:")) return read_socket(reading, entry, text->substr(5), into);
  const auto url = boost::urls::parse_uri(*text);
  if (!url) return reading.expected(entry, kWhat);
  const bool tls = url->scheme() == "https";
  const bool plain = !url->has_userinfo() && !url->has_query() && !url->has_fragment();
  const bool has_port = !url->has_port() || url->port_number() != 0;
  if ((url->scheme() != "http" && !tls) || url->encoded_host().empty() || !plain || !has_port)
    return reading.expected(entry, kWhat);
  into.host = url->host_address();
  into.tls = tls;
  into.port = url->has_port() ? url->port_number() : tls ? 443 : 80;
  std::string_view prefix = url->encoded_path();
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.ends_with("/v1")) prefix.remove_suffix(3);
  into.prefix = prefix;
}

}  // namespace rouse::config
