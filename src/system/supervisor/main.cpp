// rouse-supervisor SOCKET OOM_SCORE_RAISE DIRECTORY PROGRAM ARGV0 [ARG]…
//
// Stands between the daemon and one worker, so that nothing of the worker's process tree is ever lost from sight:
//   * it is the subreaper of the tree: whatever is orphaned in it, also after setsid(), becomes its child;
//   * when the daemon's end of the socket closes, or the daemon orders it, it kills the whole tree;
//   * when the worker has exited it kills what the worker left behind, and exits last: its exit means "tree gone";
//   * when it is killed itself, the worker dies by its parent-death signal.
// It passes the worker's wait status on unchanged. Standard output and error are the worker's; its own are closed.
//
// Uses the C library alone, and little of it: it is linked statically, starts in a fraction of a millisecond and
// holds a few pages of memory for as long as the worker lives.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/supervisor/protocol.hpp"

namespace {

using rouse::system::Order;
using rouse::system::Report;

constexpr int kKillAgainMs = 5;  // while killing: how often to look for what has appeared meanwhile

struct Supervisor {
  int socket = -1;
  int start = -1;        // a pipe that closes when the worker's program runs; -1 once that is reported
  pid_t worker = 0;      // 0 once it is reaped
  bool killing = false;  // the tree is to go
  bool daemon_gone = false;
};

void report(const Supervisor& self, Report::Kind kind, Report::Step step, int value) {
  const Report message{kind, step, value};
  while (send(self.socket, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// The decimal number at `text`, or -1. Moves `text` behind it.
int number(const char*& text) {
  if (*text < '0' || *text > '9') return -1;
  int value = 0;
  while (*text >= '0' && *text <= '9' && value < 100'000'000) value = value * 10 + (*text++ - '0');
  return value;
}

// The whole of a small file, as far as it fits; the length, or -1.
ssize_t read_file(const char* path, char* buffer, size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size_t length = 0;
  while (length + 1 < size) {
    const ssize_t got = read(file, buffer + length, size - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  close(file);
  buffer[length] = '\0';
  return static_cast<ssize_t>(length);
}

void kill_by_parent_field() {  // where the kernel lists no children: look at every process
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(processes)) {
    const char* name = entry->d_name;
    const int pid = number(name);
    if (pid <= 0 || *name != '\0') continue;
    char path[32] = "/proc/";
    strcat(path, entry->d_name);
    strcat(path, "/stat");
    char stat[512];
    if (read_file(path, stat, sizeof stat) <= 0) continue;
    const char* after_name = strrchr(stat, ')');  // "pid (name) state ppid …"; a name may hold anything
    if (after_name == nullptr || strlen(after_name) < 5) continue;
    const char* parent = after_name + 4;
    if (number(parent) == self) kill(pid, SIGKILL);
  }
  closedir(processes);
}

// Kills all direct children. What they leave behind becomes ours, and the next call's.
void kill_children() {
  static char children[64 * 1024];
  char path[64] = "/proc/thread-self/children";
  if (read_file(path, children, sizeof children) < 0) {
    kill_by_parent_field();
    return;
  }
  const char* text = children;
  for (;;) {
    while (*text == ' ') ++text;
    const int pid = number(text);
    if (pid <= 0) return;
    kill(pid, SIGKILL);
  }
}

void kill_tree(const Supervisor& self) {
  if (self.worker != 0) kill(-self.worker, SIGKILL);  // most of it, at once
  kill_children();
}

struct Failure {
  Report::Step step;
  int error;
};

// The worker's way to its program has ended: with a failure, or, when the pipe just closed, well.
void report_start(Supervisor& self) {
  Failure failure{};
  ssize_t got = 0;
  do got = read(self.start, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  close(self.start);
  self.start = -1;
  if (got == static_cast<ssize_t>(sizeof failure)) {
    report(self, Report::Kind::failed, failure.step, failure.error);
  } else {
    report(self, Report::Kind::started, Report::Step::none, self.worker);
  }
}

// Reaps whatever has ended. False when there are no children left.
bool reap(Supervisor& self) {
  for (;;) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) return errno != ECHILD;
    if (ended.si_pid == 0) return true;
    // While the worker is not reaped its number is still its group's, and nobody else's.
    if (ended.si_pid == self.worker) {
      kill(-self.worker, SIGKILL);
      if (self.start >= 0) report_start(self);
    }
    int status = 0;
    if (waitpid(ended.si_pid, &status, 0) != ended.si_pid || ended.si_pid != self.worker) continue;
    self.worker = 0;
    self.killing = true;
    report(self, Report::Kind::exited, Report::Step::none, status);
  }
}

void obey(Supervisor& self) {
  for (;;) {
    char order = 0;
    const ssize_t got = recv(self.socket, &order, 1, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      self.killing = self.daemon_gone = true;
      return;
    }
    if (order == static_cast<char>(Order::terminate) && self.worker != 0 && kill(-self.worker, SIGTERM) != 0) {
      kill(self.worker, SIGTERM);  // just forked: not in a group of its own yet
    }
    if (order == static_cast<char>(Order::kill)) self.killing = true;
  }
}

void raise_oom_score(int by) {
  char text[16];
  if (read_file("/proc/self/oom_score_adj", text, sizeof text) <= 0) return;
  const int score = atoi(text) + by;
  const int clamped = score > 1000 ? 1000 : score;
  char digits[16];
  size_t at = sizeof digits;
  unsigned rest = static_cast<unsigned>(clamped < 0 ? -clamped : clamped);
  do digits[--at] = static_cast<char>('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (clamped < 0) digits[--at] = '-';
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, digits + at, sizeof digits - at) < 0) { /* a wish, not a condition */
  }
  close(file);
}

[[noreturn]] void become_worker(pid_t supervisor, int failures, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(127);  // it died before the line above
  setpgid(0, 0);
  raise_oom_score(atoi(argv[2]));
  // Asked of the kernel: signal() leaves the two alone that the C library keeps for itself, and whoever was started by
  // posix_spawn (make, say) may have them ignored.
  constexpr unsigned long kDefaults[4] = {};  // handler, flags, restorer, mask
  for (int signal_number = 1; signal_number < NSIG; ++signal_number)
    syscall(SYS_rt_sigaction, signal_number, kDefaults, nullptr, sizeof kDefaults[3]);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  Failure failure{Report::Step::chdir, 0};
  if (chdir(argv[3]) == 0) {
    failure.step = Report::Step::exec;
    execve(argv[4], argv + 5, environ);
  }
  failure.error = errno;
  if (write(failures, &failure, sizeof failure) < 0) _exit(126);
  _exit(127);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  Supervisor self;
  self.socket = atoi(argv[1]);
  fcntl(self.socket, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "rouse-superv");
  // A group of its own: no terminal's signals. Not a session: on a busy machine with automatic task groups its first
  // time slice would come several milliseconds later.
  setpgid(0, 0);

  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  signal(SIGCHLD, SIG_DFL);  // not ignored, or nothing could be reaped
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int ends = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  int start[2];
  if (ends < 0 || pipe2(start, O_CLOEXEC) != 0) {
    report(self, Report::Kind::failed, Report::Step::fork, errno);
    return 1;
  }

  const pid_t supervisor = getpid();
  self.worker = fork();
  if (self.worker == 0) become_worker(supervisor, start[1], argv);
  if (self.worker < 0) {
    report(self, Report::Kind::failed, Report::Step::fork, errno);
    return 1;
  }
  close(start[1]);
  self.start = start[0];
  dup2(STDIN_FILENO, STDOUT_FILENO);  // /dev/null: the pipe is the worker's alone
  dup2(STDIN_FILENO, STDERR_FILENO);

  for (;;) {
    if (self.killing) kill_tree(self);
    // A negative descriptor is passed over.
    pollfd waits[] = {{self.daemon_gone ? -1 : self.socket, POLLIN, 0}, {ends, POLLIN, 0}, {self.start, POLLIN, 0}};
    poll(waits, 3, self.killing ? kKillAgainMs : -1);
    if (waits[0].revents != 0) obey(self);
    if (waits[2].revents != 0) report_start(self);
    signalfd_siginfo info;
    while (read(ends, &info, sizeof info) > 0) {
    }
    if (!reap(self)) return 0;
  }
}
