// What the daemon and a supervisor say to each other over their socket: one message a packet. The end of the
// socket is a message too: the daemon is dead.
#pragma once

namespace rouse::system {

enum class Order : char {
  terminate = 'T',  // SIGTERM to the worker's process group
  kill = 'K',       // SIGKILL to the whole tree
};

struct Report {
  enum class Kind : int {
    started = 1,  // value: the worker's pid; its program runs
    failed = 2,   // value: errno; step: of what
    exited = 3,   // value: the worker's wait status
  };
  enum class Step : int { none, fork, chdir, exec };

  Kind kind = Kind::started;
  Step step = Step::none;
  int value = 0;
};

}  // namespace rouse::system
