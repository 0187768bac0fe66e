// How a worker ended, judged from what the kernel says. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace rouse::system {

// How the worker itself ended. Whether its tree is gone is another event.
struct ProcessExit {
  enum class How : std::uint8_t {
    exited,         // status is its exit code
    signalled,      // status is the signal
    out_of_memory,  // the kernel's OOM killer took it
    not_started,    // status is the errno of the step that failed
  };
  How how = How::exited;
  int status = 0;
  bool asked = false;  // we had called terminate() or kill() before

  bool clean() const { return how == How::exited && status == 0; }
};

// From a wait status. A SIGKILL that we did not send, of a shell's child too, is the OOM killer's when the kernel has
// counted one meanwhile.
ProcessExit judge_exit(int wait_status, bool asked, bool killed_by_us, std::int64_t oom_kills_meanwhile);

// "exited with code 1", "killed by signal 11 (Segmentation fault)", "out of memory: killed by the kernel", …
std::string to_string(const ProcessExit& exit);

}  // namespace rouse::system
