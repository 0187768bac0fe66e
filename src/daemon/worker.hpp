// One live worker: its process, its socket, and the probe that notices when it is ready.
//
// Owner: the daemon, from StartWorker until the process tree is gone. Owner thread. Reports through callbacks that are
// never made from inside its own functions.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "daemon/catalogue.hpp"
#include "http/call.hpp"
#include "http/task.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"
#include "system/worker_log.hpp"

namespace rouse::daemon {

class Worker {
 public:
  struct Callbacks {
    std::function<void()> ready;                // it answered 200 on its health path
    std::function<void(std::string why)> gone;  // the process tree has ended: how; what it wrote last
  };

  // Starts the process; the error says why there is none.
  static Result<std::unique_ptr<Worker>> start(boost::asio::io_context& io, const Clock& clock,
                                               system::Launcher& launcher, const system::RuntimeDir& runtime,
                                               http::UpstreamPool& upstreams, WorkerId id,
                                               std::shared_ptr<const Entry> entry, system::WorkerLog& log,
                                               Callbacks callbacks);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::shared_ptr<const Entry>& entry() const { return entry_; }  // shared with the catalogue and leases
  const http::Address& address() const { return address_; }
  int pid() const { return process_ ? process_->pid() : 0; }
  int tree() const { return process_ ? process_->root() : 0; }
  TimePoint started() const { return started_; }

  void stop();
  void kill();

 private:
  Worker(boost::asio::io_context& io, const Clock& clock, http::UpstreamPool& upstreams,
         std::shared_ptr<const Entry> entry, system::SocketPath socket, system::WorkerLog& log, Callbacks callbacks);
  http::Task<void> probe();
  std::string last_words() const;

  const Clock& clock_;
  http::UpstreamPool& upstreams_;
  std::shared_ptr<const Entry> entry_;  // shared with the catalogue and leases
  system::SocketPath socket_;
  http::Address address_;
  system::WorkerLog& log_;
  Callbacks callbacks_;
  TimePoint started_;
  std::uint64_t first_line_;  // of the log, that is this worker's
  std::string ended_;         // how the worker's own process ended
  boost::asio::steady_timer pause_;
  std::shared_ptr<bool> alive_;  // shared with the probe, which ends when it reads false
  std::unique_ptr<system::Process> process_;
};

}  // namespace rouse::daemon
