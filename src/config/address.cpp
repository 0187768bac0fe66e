#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <format>

#include "config/config.hpp"

namespace rouse::config {
namespace {

// An address as the system writes it; nothing for what is none.
std::optional<std::string> canonical(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  std::array<char, INET6_ADDRSTRLEN> written{};
  if (inet_pton(family, text.c_str(), raw.data()) != 1) return std::nullopt;
  if (inet_ntop(family, raw.data(), written.data(), written.size()) == nullptr) return std::nullopt;
  return written.data();
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  Address address;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc{} || rest != digits.data() + digits.size()) return std::nullopt;
  if (host.empty() || host == "localhost") return address;
  std::optional<std::string> found;
  if (host.starts_with('[') && host.ends_with(']')) {
    found = canonical(AF_INET6, std::string(host.substr(1, host.size() - 2)));
  } else {
    found = canonical(AF_INET, std::string(host));
  }
  if (!found) return std::nullopt;
  address.host = *std::move(found);
  return address;
}

bool is_loopback(const Address& address) { return address.host.starts_with("127.") || address.host == "::1"; }

std::string to_string(const Address& address) {
  return address.host.contains(':') ? std::format("[{}]:{}", address.host, address.port)
                                    : std::format("{}:{}", address.host, address.port);
}

}  // namespace rouse::config
