#include "system/service_manager.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <format>
#include <utility>

namespace rouse::system {
namespace {

constexpr int kFirstPassed = 3;  // behind the standard descriptors

std::string taken(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Connected to the address, "/path" or "@abstract"; closed where there is none.
Fd connected_to(std::string_view address) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const bool known = address.starts_with('/') || address.starts_with('@');
  if (!known || address.size() < 2 || address.size() >= sizeof to.sun_path) return {};
  address.copy(to.sun_path, address.size());
  if (address.starts_with('@')) to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 1, .tv_usec = 0};  // with a manager that does not read
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0) socket.reset();
  return socket;
}

bool listens_for_streams(int socket) {
  int type = 0;
  int accepts = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  return ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts != 0;
}

std::vector<PassedSocket> passed_sockets(std::string_view count, std::string_view names) {
  std::vector<PassedSocket> passed;
  const int last = kFirstPassed + static_cast<int>(std::clamp<std::int64_t>(number(count).value_or(0), 0, 1024));
  for (int descriptor = kFirstPassed; descriptor < last; ++descriptor) {
    const std::size_t end = std::min(names.find(':'), names.size());
    passed.push_back({Fd(descriptor), std::string(names.substr(0, end))});
    names.remove_prefix(std::min(end + 1, names.size()));
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return passed;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  manager.socket_ = connected_to(taken("NOTIFY_SOCKET"));
  const auto watched = number(taken("WATCHDOG_PID"));
  const auto microseconds = number(taken("WATCHDOG_USEC"));
  if (microseconds && *microseconds > 0 && watched.value_or(::getpid()) == ::getpid())
    manager.watchdog_ = std::chrono::microseconds(*microseconds);
  const auto receiver = number(taken("LISTEN_PID"));
  const std::string count = taken("LISTEN_FDS");
  const std::string names = taken("LISTEN_FDNAMES");
  if (receiver == ::getpid()) manager.passed_ = passed_sockets(count, names);
  return manager;
}

void ServiceManager::send(std::string_view message) {
  if (socket_.open()) (void)::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);  // it may be gone
}

void ServiceManager::ready(std::string_view status) { send(std::format("READY=1\nSTATUS={}", one_line(status))); }

void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(std::format("RELOADING=1\nMONOTONIC_USEC={}", std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

void ServiceManager::stopping(std::string_view status) { send(std::format("STOPPING=1\nSTATUS={}", one_line(status))); }

void ServiceManager::still_stopping(Duration at_most, std::string_view status) {
  const auto microseconds = std::chrono::ceil<std::chrono::microseconds>(at_most).count();
  send(std::format("EXTEND_TIMEOUT_USEC={}\nSTATUS={}", microseconds, one_line(status)));
}

void ServiceManager::alive() { send("WATCHDOG=1"); }

Result<std::vector<PassedSocket>> ServiceManager::take_sockets() {
  for (const PassedSocket& passed : passed_) {
    if (listens_for_streams(passed.socket.get())) continue;
    return fail(Code::unavailable,
                std::format("descriptor {}{} was passed to us, but is no socket that listens for connections: the "
                            "socket unit needs ListenStream= and Accept=no",
                            passed.socket.get(), passed.name.empty() ? "" : std::format(" ({})", passed.name)));
  }
  return std::exchange(passed_, {});
}

}  // namespace rouse::system
