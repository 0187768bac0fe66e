// reserve: bytes of a device for as long as a command runs.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <format>
#include <system_error>
#include <utility>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/text.hpp"

extern char** environ;

namespace rouse::cli {
namespace {

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
  siginfo_t wait() const {
    siginfo_t info{};
    while (::sigwaitinfo(&set_, &info) < 0) continue;
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
  return failure(static_cast<Exit>(127),
                 std::format("{} cannot be run: {}", command.front(), std::generic_category().message(error)));
}

// As a shell tells it: the command's own exit code, or 128 and the signal that ended it.
int wait_for(pid_t pid, const Blocked& blocked) {
  while (true) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid)
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const siginfo_t info = blocked.wait();
    // What a terminal sends, it sends to both of us.
    if (info.si_signo != SIGCHLD && info.si_code <= 0) ::kill(pid, info.si_signo);
  }
}

}  // namespace

Outcome<Exit> reserve(Session session, const ReserveOptions& options) {
  const std::string device = options.gpu ? std::format("gpu{}", *options.gpu) : "host";
  const std::string wish =
      std::format(R"({{"device":"{}","bytes":{},"pid":{}{}}})", device, options.bytes.count, ::getpid(),
                  options.priority.empty() ? "" : std::format(R"(,"priority":"{}")", options.priority));
  const auto json = session.daemon.post("/rouse/v1/reservations", wish);
  if (!json) return std::unexpected(json.error());
  const auto reservation = read_reservation(*json);
  if (!reservation) return std::unexpected(reservation.error());
  const Blocked blocked;
  const auto pid = spawn(options.command, blocked.before());
  const int status = pid ? wait_for(*pid, blocked) : 0;
  // A daemon that has gone keeps nothing; one that is there sees us end.
  (void)session.daemon.remove(std::format("/rouse/v1/reservations/{}", reservation->id));
  if (!pid) return std::unexpected(pid.error());
  return static_cast<Exit>(status);
}

}  // namespace rouse::cli
