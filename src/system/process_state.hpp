// The inside of process.hpp, shared by process.cpp (one worker) and launcher.cpp (starting them). Not for others.
#pragma once

#include <sys/resource.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <set>

#include "system/fd.hpp"
#include "system/host_memory.hpp"
#include "system/oom_kills.hpp"
#include "system/process.hpp"
#include "system/supervisor/protocol.hpp"

namespace rouse::system {

// What all processes of a launcher have in common.
class Launcher::Shared {
 public:
  Shared(boost::asio::io_context& context, Fd program, rlimit workers_descriptors)
      : io(context), supervisor(std::move(program)), descriptors(workers_descriptors), kills(oom_kills()) {}

  boost::asio::io_context& io;
  Fd supervisor;                        // its program, open for execution
  const rlimit descriptors;             // RLIMIT_NOFILE of a worker
  std::set<Process::State*> processes;  // those whose tree is not gone yet; each takes itself out
  OomKills kills;

  bool knows_supervisor(int pid) const;
  std::vector<int> strays() const;  // children of ours that came from the tree of a dead supervisor
};

// One worker and its supervisor. Lives until the tree is gone, which may be after the Process that stands for it.
class Process::State : public std::enable_shared_from_this<State> {
 public:
  struct Channels {
    Fd socket;      // to the supervisor
    Fd output;      // the reading end of the worker's stdout and stderr
    Fd supervisor;  // a pidfd
  };

  State(std::shared_ptr<Launcher::Shared> shared, ProcessCallbacks callbacks, Channels channels, int supervisor);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();  // when the io_context ends before the tree: ends the tree and waits for it, bounded

  void begin();
  void order(Order order);
  void abandon();       // the Process is destroyed: no more callbacks, the tree ends
  void end_and_wait();  // …and is awaited right here, bounded

  int worker() const { return worker_; }
  int supervisor() const { return gone_ ? 0 : supervisor_; }

 private:
  void await_report();
  void await_supervisor();
  void await_output();
  void await_stray();

  void take_reports();
  void take(const Report& report);
  void take_output(std::size_t bytes);
  void drain_output();
  void supervisor_ended();
  bool reap_supervisor();
  void ended(const ProcessExit& exit);
  void finish();

  std::shared_ptr<Launcher::Shared> shared_;  // shared with the launcher and the other processes
  ProcessCallbacks callbacks_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::posix::stream_descriptor output_;
  boost::asio::posix::stream_descriptor supervisor_pidfd_;
  boost::asio::posix::stream_descriptor stray_pidfd_;
  boost::asio::steady_timer output_pause_;
  std::array<char, 16 * 1024> buffer_{};
  std::size_t output_in_window_ = 0;
  std::chrono::steady_clock::time_point window_ends_;

  int supervisor_ = 0;
  int worker_ = 0;
  bool reaped_ = false;     // the supervisor
  bool asked_ = false;      // to end, politely or not
  bool killed_ = false;     // by us
  bool exit_told_ = false;  // the worker has ended
  bool gone_ = false;       // the tree is gone
  bool abandoned_ = false;
};

}  // namespace rouse::system
