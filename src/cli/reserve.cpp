// reserve: bytes of a device for as long as a command runs.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <format>
#include <optional>
#include <system_error>
#include <utility>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/text.hpp"

extern char** environ;

namespace rouse::cli {
namespace {

constexpr std::chrono::seconds kLookEvery{2};
constexpr std::array kPassedOn{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Signals that are waited for instead of ending us, from here to the end of its life; the child has them as they were.
class Blocked {
 public:
  Blocked() {
    ::signal(SIGCHLD, SIG_DFL);  // where whoever started us ignores it, nobody would tell us of its end
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGCHLD);
    for (const int signal : kPassedOn) ::sigaddset(&set_, signal);
    ::sigprocmask(SIG_BLOCK, &set_, &before_);
  }
  ~Blocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

  const sigset_t& before() const { return before_; }
  // Nothing: none has come in time.
  std::optional<siginfo_t> wait_for(std::chrono::seconds time) const {
    siginfo_t info{};
    const timespec limit{.tv_sec = time.count(), .tv_nsec = 0};
    if (::sigtimedwait(&set_, &info, &limit) < 0) return std::nullopt;
    return info;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

Outcome<pid_t> spawn(const std::vector<std::string>& command, const sigset_t& signals) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv.front(), nullptr, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  return failure(static_cast<Exit>(error == ENOENT ? 127 : 126),  // as shells do
                 std::format("{} cannot be run: {}", command.front(), std::generic_category().message(error)));
}

// What the daemon holds for us. One that has been restarted knows nothing of it, and is asked again.
class Reserved {
 public:
  Reserved(Session session, const ReserveOptions& options) : session_(session), options_(options) {}

  Outcome<void> ask() {
    const auto daemon = started_at();
    if (!daemon) return std::unexpected(daemon.error());
    daemon_ = *daemon;
    return ask(Waits::yes);
  }

  void look() {
    const auto daemon = started_at();
    if (!daemon) return say(std::format("nothing is reserved now: {}", daemon.error().message));
    if (daemon_ == *daemon) return;
    const auto asked = ask(Waits::no);
    if (!asked) return say(std::format("nothing is reserved now: {}", asked.error().message));
    daemon_ = *daemon;
    say("the daemon has been restarted, and was asked again");
    said_.clear();
  }

  // A daemon that has gone keeps nothing; one that is there sees us end.
  void give_back() { (void)session_.daemon.remove(std::format("/rouse/v1/reservations/{}", id_)); }

 private:
  enum class Waits : std::uint8_t { no, yes };

  Outcome<std::string> started_at() {
    const auto json = session_.daemon.get("/rouse/v1/reservations");
    if (!json) return std::unexpected(json.error());
    auto all = read_reservations(*json);
    if (!all) return std::unexpected(std::move(all.error()));
    return std::move(all->daemon_started_at);
  }

  Outcome<void> ask(Waits waits) {
    const std::string device = options_.gpu ? std::format("gpu{}", *options_.gpu) : "host";
    const std::string priority = options_.priority.empty() ? "" : std::format(R"(,"priority":"{}")", options_.priority);
    const auto json = session_.daemon.post(
        "/rouse/v1/reservations", std::format(R"({{"device":"{}","bytes":{},"pid":{},"wait":{}{}}})", device,
                                              options_.bytes.count, ::getpid(), waits == Waits::yes, priority));
    if (!json) return std::unexpected(json.error());
    const auto reservation = read_reservation(*json);
    if (!reservation) return std::unexpected(reservation.error());
    id_ = reservation->id;
    return {};
  }

  void say(std::string words) {
    if (words == said_) return;
    session_.terminal.err() << std::format("rouse reserve: {}\n", one_line(words));
    said_ = std::move(words);
  }

  Session session_;
  const ReserveOptions& options_;
  std::uint64_t id_ = 0;
  std::string daemon_;  // when the one that was asked had started
  std::string said_;
};

// As a shell tells it: the command's own exit code, or 128 and the signal that ended it.
int wait_for(pid_t pid, const Blocked& blocked, Reserved& reserved) {
  while (true) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid)
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const auto info = blocked.wait_for(kLookEvery);
    if (!info)
      reserved.look();
    else if (info->si_signo != SIGCHLD && info->si_code <= 0)  // what a terminal sends, it sends to both of us
      ::kill(pid, info->si_signo);
  }
}

}  // namespace

Outcome<Exit> reserve(Session session, const ReserveOptions& options) {
  Reserved reserved(session, options);
  if (auto asked = reserved.ask(); !asked) return std::unexpected(std::move(asked.error()));
  const Blocked blocked;
  const auto pid = spawn(options.command, blocked.before());
  const int status = pid ? wait_for(*pid, blocked, reserved) : 0;
  reserved.give_back();
  if (!pid) return std::unexpected(pid.error());
  return static_cast<Exit>(status);
}

}  // namespace rouse::cli
