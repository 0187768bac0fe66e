// Worker processes: started with an argument vector, watched, ended as a whole tree, and never outliving us.
//
// Between the daemon and each worker sits a supervisor, a tiny static program carried inside our own binary
// (supervisor/main.cpp). It is the "child subreaper" of everything the worker starts, so a grandchild that calls
// setsid or is orphaned stays known; when the daemon dies in any way (its end of a socket closes) the supervisor
// kills them all. When the supervisor itself is killed, the worker dies with it and what it had started comes to
// the daemon, which kills that.
//
//   daemon ──socket──▶ supervisor ──▶ worker ──▶ …
//          ◀── stdout and stderr, one pipe ──┘
//
// Owner: the daemon owns one Launcher for its whole life and one Process for each worker. Everything here belongs
// to the thread that runs the io_context. What always holds:
//   * `exited` is called exactly once for each Process (unless the Process is destroyed before), then `gone`, once,
//     when nothing of the tree is left; no `output` comes after `gone`;
//   * no callback runs inside spawn(), terminate(), kill() or the destructor; none runs after the destructor;
//   * the worker sees no file descriptor, no environment variable and no signal setting of ours.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "system/process_exit.hpp"

namespace rouse::system {

struct ProcessSpec {
  std::vector<std::string> argv;         // argv[0]: a path, or a name that is looked up in PATH of `environment`
  std::vector<std::string> environment;  // "NAME=value", all of it: see environment.hpp
  std::string directory = "/";           // to run in
  int oom_score_raise = 500;             // added to ours, so that under pressure the kernel takes the worker
};

struct ProcessCallbacks {
  std::function<void(int pid)> started;                // the worker's program runs now
  std::function<void(std::string_view bytes)> output;  // of stdout and stderr, as it comes
  std::function<void(const ProcessExit&)> exited;
  std::function<void()> gone;
};

class Process {
 public:
  class State;

  explicit Process(std::shared_ptr<State> state);  // by Launcher only
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // kills the whole tree; its end is awaited in the background

  int pid() const;   // the worker's; 0 until `started`
  int root() const;  // the supervisor's: the root of the tree, for memory meters; 0 once it is gone

  void terminate();  // SIGTERM to the worker's process group
  void kill();       // SIGKILL to the whole tree

 private:
  std::shared_ptr<State> state_;  // shared with the operations that are under way in the io_context
};

class Launcher {
 public:
  // Makes this process the one that orphans of its descendants come to, and gives it all the descriptors it may have;
  // workers are given as many as it had before.
  static Result<std::unique_ptr<Launcher>> create(boost::asio::io_context& io);
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  ~Launcher();  // every Process is destroyed before; waits, bounded, until the last tree is gone

  // Fails at once, with the path and the reason, when the program or the directory is not there. Takes about half a
  // millisecond; that the program really runs is told by `started`.
  Result<std::unique_ptr<Process>> spawn(const ProcessSpec& spec, ProcessCallbacks callbacks);

  // Looks at the kernel's count of OOM kills. Called once a second (with the memory samples), it keeps an old OOM kill
  // of somebody else from being taken for the cause of a later SIGKILL; see OomKills.
  void observe_oom_kills();
  // One of them is the reason for which the caller ends a process itself.
  void explain_oom_kill();

  class Shared;

 private:
  explicit Launcher(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;  // shared with the processes whose end is still awaited
};

// The program that `name` means: itself when it holds a '/', else the first executable file in `path`
// ("/usr/bin:/bin"). The error names what was tried.
Result<std::string> find_program(std::string_view name, std::string_view path);

}  // namespace rouse::system
