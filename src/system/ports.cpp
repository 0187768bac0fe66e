#include "system/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <format>
#include <fstream>
#include <random>

#include "system/fd.hpp"

namespace rouse::system {
namespace {

constexpr std::uint16_t kMost = 8192;      // numbers that we choose from
constexpr std::uint16_t kLowest = 10'000;  // below are services that have their fixed places

enum class Reuse : std::uint8_t { no, yes };  // of a number on which connections have just ended

bool can_bind(int family, std::uint16_t port, Reuse reuse) {
  const Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.open()) return true;  // a family that this machine does not have
  const int on = 1;
  if (reuse == Reuse::yes) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage any{};
  if (family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(any);
    v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(any);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
  }
  const socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), size) == 0 || errno != EADDRINUSE;
}

bool can_bind(std::uint16_t port, Reuse reuse) {
  return can_bind(AF_INET, port, reuse) && can_bind(AF_INET6, port, reuse);
}

// Where the numbers begin that the kernel chooses from; those below are whoever's asks for them by name.
std::uint16_t kernels_first() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0;
  return file >> first && first > kLowest + 100U && first <= 65'535 ? static_cast<std::uint16_t>(first) : 32'768;
}

}  // namespace

Port::~Port() {
  if (ports_ != nullptr) ports_->in_use_.erase(number_);
}

Ports::Ports(std::uint16_t first, std::uint16_t last) : first_(first), last_(last), next_(first) {
  std::random_device random;
  next_ = static_cast<std::uint16_t>(first + random() % (last - first + 1U));
}

Ports::Ports(std::uint16_t end)
    : Ports(static_cast<std::uint16_t>(std::max<int>(kLowest, end - kMost)), static_cast<std::uint16_t>(end - 1)) {}

Ports::Ports() : Ports(kernels_first()) {}

Result<Port> Ports::take() {
  for (unsigned tried = 0; tried <= static_cast<unsigned>(last_ - first_); ++tried) {
    const std::uint16_t port = next_;
    next_ = port == last_ ? first_ : static_cast<std::uint16_t>(port + 1);
    if (in_use_.contains(port) || !can_bind(port, Reuse::no)) continue;
    in_use_.insert(port);
    return Port(*this, port);
  }
  return fail(Code::load_failed, std::format("no port from {} to {} is free for the engine", first_, last_));
}

bool Ports::is_taken(std::uint16_t port) { return !can_bind(port, Reuse::yes); }

}  // namespace rouse::system
