#include "system/service_manager.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdlib>
#include <format>
#include <string>

using namespace rouse;
using namespace rouse::system;
using namespace std::chrono_literals;

namespace {

// The manager's end: a real datagram socket, at a path or in the abstract namespace.
class Manager {
 public:
  explicit Manager(std::string address) : address_(std::move(address)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    address_.copy(at.sun_path, address_.size());
    if (address_.starts_with('@')) at.sun_path[0] = '\0';
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
    ::setenv("NOTIFY_SOCKET", address_.c_str(), 1);
  }
  ~Manager() {
    if (address_.starts_with('/')) ::unlink(address_.c_str());
  }

  std::string heard() const {
    std::string message(4096, '\0');
    const auto size = ::recv(socket_.get(), message.data(), message.size(), 0);
    message.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return message;
  }

 private:
  std::string address_;
  Fd socket_;
};

std::string a_path() { return std::format("/tmp/rouse-notify-test-{}", ::getpid()); }
std::string an_abstract_name() { return std::format("@rouse-notify-test-{}", ::getpid()); }

Fd listening_socket() {
  Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::listen(socket.get(), 1) == 0);
  return socket;
}

// Runs `child` with these descriptors as 3, 4, … in a process of its own; true if it gave true.
bool with_passed(std::initializer_list<int> sockets, bool (*child)()) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int next = 100;
    for (const int socket : sockets) ::dup2(socket, next++);
    for (int i = 100; i < next; ++i) ::dup2(i, i - 97);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "http:admin", 1);
    ::_exit(child() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

bool is_closed_on_exec(int descriptor) { return (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0; }

}  // namespace

TEST_CASE("each message is one datagram, as systemd reads them") {
  for (const std::string& address : {a_path(), an_abstract_name()}) {
    CAPTURE(address);
    const Manager there(address);
    ServiceManager manager = ServiceManager::from_environment();
    REQUIRE(manager.listens());
    CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
    manager.ready("serving 3 models\non http://127.0.0.1:11450");
    CHECK(there.heard() == "READY=1\nSTATUS=serving 3 models on http://127.0.0.1:11450");
    manager.stopping("draining");
    CHECK(there.heard() == "STOPPING=1\nSTATUS=draining");
    manager.still_stopping(15s, "2 answers");
    CHECK(there.heard() == "EXTEND_TIMEOUT_USEC=15000000\nSTATUS=2 answers");
    manager.alive();
    CHECK(there.heard() == "WATCHDOG=1");
  }
}

TEST_CASE("a reload is told with the time at which it began") {
  const Manager there(an_abstract_name());
  ServiceManager manager = ServiceManager::from_environment();
  const auto before =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
  manager.reloading();
  const std::string message = there.heard();
  constexpr std::string_view kBegin = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(message.starts_with(kBegin));
  const auto told = std::chrono::microseconds(std::stoll(message.substr(kBegin.size())));
  CHECK(told >= before);
  CHECK(told <= std::chrono::steady_clock::now().time_since_epoch());
}

TEST_CASE("without a manager, or when it is gone, messages go nowhere") {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceManager nobody = ServiceManager::from_environment();
  CHECK_FALSE(nobody.listens());
  nobody.ready("well");
  for (const char* address : {"", "@", "relative", "vsock:2:1", "/nowhere/notify"}) {
    ::setenv("NOTIFY_SOCKET", address, 1);
    CHECK_FALSE(ServiceManager::from_environment().listens());
  }
  auto there = std::make_unique<Manager>(a_path());
  ServiceManager left = ServiceManager::from_environment();
  there.reset();
  left.alive();
}

TEST_CASE("the watchdog is ours only if it names us or nobody") {
  const auto interval = [](const std::string& microseconds, const std::string& pid) {
    ::setenv("WATCHDOG_USEC", microseconds.c_str(), 1);
    ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    if (pid.empty()) ::unsetenv("WATCHDOG_PID");
    const auto watchdog = ServiceManager::from_environment().watchdog();
    CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
    return watchdog;
  };
  CHECK(interval("30000000", std::to_string(::getpid())) == 30s);
  CHECK(interval("30000000", "") == 30s);
  CHECK_FALSE(interval("30000000", "1"));
  CHECK_FALSE(interval("soon", ""));
  CHECK_FALSE(interval("0", ""));
}

TEST_CASE("sockets that were passed are taken over by name, and kept from whom we start") {
  const Fd one = listening_socket();
  const Fd two = listening_socket();
  CHECK(with_passed({one.get(), two.get()}, [] {
    auto taken = ServiceManager::from_environment().take_sockets();
    return taken && taken->size() == 2 && (*taken)[0].socket.get() == 3 && (*taken)[0].name == "http" &&
           (*taken)[1].socket.get() == 4 && (*taken)[1].name == "admin" && is_closed_on_exec(3) &&
           is_closed_on_exec(4) && std::getenv("LISTEN_FDS") == nullptr && std::getenv("LISTEN_PID") == nullptr;
  }));
}

TEST_CASE("a descriptor that is no listening socket is refused by its name") {
  const Fd one = listening_socket();
  const Fd idle(::socket(AF_INET, SOCK_STREAM, 0));
  CHECK(with_passed({one.get(), idle.get()}, [] {
    const auto taken = ServiceManager::from_environment().take_sockets();
    return !taken && taken.error().message.contains("descriptor 4 (admin)");
  }));
}

TEST_CASE("sockets for another process are not ours") {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  CHECK(ServiceManager::from_environment().take_sockets()->empty());
}
