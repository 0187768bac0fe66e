#include "system/process_exit.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>
#include <format>

namespace rouse::system {

ProcessExit judge_exit(int wait_status, bool asked, bool killed_by_us, std::int64_t oom_kills_meanwhile) {
  const bool exited = WIFEXITED(wait_status);
  const int status = exited ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);
  constexpr int kShellsKilled = 128 + SIGKILL;  // a shell's code for a child that was
  const bool killed = status == (exited ? kShellsKilled : SIGKILL);
  if (killed && !killed_by_us && oom_kills_meanwhile > 0) return {ProcessExit::How::out_of_memory, SIGKILL, asked};
  return {exited ? ProcessExit::How::exited : ProcessExit::How::signalled, status, asked};
}

std::string to_string(const ProcessExit& exit) {
  switch (exit.how) {
    case ProcessExit::How::exited: return std::format("exited with code {}", exit.status);
    case ProcessExit::How::signalled: {
      const char* name = ::sigdescr_np(exit.status);
      return std::format("killed by signal {} ({})", exit.status, name != nullptr ? name : "unknown");
    }
    case ProcessExit::How::out_of_memory: return "out of memory: killed by the kernel";
    case ProcessExit::How::not_started: return std::format("could not be started: {}", std::strerror(exit.status));
  }
  return "ended";
}

}  // namespace rouse::system
