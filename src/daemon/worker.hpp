// One live worker: its process, where it listens, and the probe that notices when it is ready.
//
// Owner: the daemon, from StartWorker until the process tree is gone. Owner thread. Reports through callbacks that are
// never made from inside its own functions.
//
// A worker that listens on a port is believed to be there only when that listener is of its own tree. When somebody
// else has come first, it is started again on another port, a few times; the daemon hears nothing of that.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/model.hpp"
#include "daemon/catalogue.hpp"
#include "http/call.hpp"
#include "http/task.hpp"
#include "system/ports.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"
#include "system/worker_log.hpp"

namespace rouse::daemon {

class Worker {
 public:
  // All of it outlives the worker.
  struct Parts {
    boost::asio::io_context& io;
    const Clock& clock;
    system::Launcher& launcher;
    const system::RuntimeDir& runtime;
    system::Ports& ports;
    http::UpstreamPool& upstreams;
    system::WorkerLog& log;
  };
  struct Order {
    WorkerId id;
    std::shared_ptr<const Entry> entry;  // shared with the catalogue and leases
    std::string gpus;                    // see engine::Place
    std::string gpu_uuids;               // likewise
    TimePoint until;                     // ready by then, or it has failed
  };
  struct Callbacks {
    // It answered 200 on its health path. What it says that it takes at most: nothing, unless its engine asks.
    std::function<void(Result<core::Placement> says)> ready;
    std::function<void(std::string why)> failed;    // it is not ready in time: what it does; what it wrote last
    std::function<void(std::string why)> gone;      // the process tree has ended: how; what it wrote last
    std::function<void()> slept;                    // it has said so
    std::function<void()> woken;                    // likewise
    std::function<void(std::string why)> restless;  // it could not sleep, or wake
  };

  // Starts the process; the error says why there is none.
  static Result<std::unique_ptr<Worker>> start(Parts parts, Order order, Callbacks callbacks);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::shared_ptr<const Entry>& entry() const { return order_.entry; }
  const http::Address& address() const { return address_; }  // once it is ready
  int pid() const { return process_ ? process_->pid() : 0; }
  int tree() const { return process_ ? process_->root() : 0; }

  // Has it drop its caches. Outlives nothing of the worker but its answer; fails when it is not answered 2xx within a
  // minute, and when its engine cannot.
  http::Task<Result<void>> trim();
  // The OOM killer has taken one of its processes, `why` in words: it is asked whether it is well all the same, and
  // ended if it is not.
  void doubt(std::string why);
  // Ends it if nobody listens where it did. One that is slow to answer, or has no room for another connection, listens.
  void end_if_deaf();
  void sleep();
  void wake();
  void stop();
  void kill();

 private:
  enum class There : std::uint8_t { nobody, worker, somebody_else };

  Worker(Parts parts, Order order, Callbacks callbacks);
  Result<void> spawn();
  void process_gone();
  bool lost_its_port() const;
  There look();
  http::Task<void> probe();
  http::Task<Result<core::Placement>> ask_what_it_takes();
  http::Task<void> ask_whether_well(std::string why);
  http::Task<void> see_whether_it_listens();
  void end_as_lost(std::string why);
  http::Task<void> tell(config::Hook hook, std::function<void()> done);
  std::string last_words(std::string first) const;

  Parts parts_;
  Order order_;
  engine::Contract contract_;
  Callbacks callbacks_;
  TimePoint started_;
  std::uint64_t first_line_;                  // of the log, that is this worker's
  std::optional<system::SocketPath> socket_;  // of one that listens on a Unix socket
  system::Port port_;                         // of the others
  http::Address address_;
  std::string seen_;   // what was the matter when it was last looked at
  std::string ended_;  // how the worker's own process ended
  std::string lost_;   // why we ended it, if we did: it was not well any more
  int attempts_ = 0;
  bool ready_ = false;
  bool ending_ = false;        // told to
  bool doubted_ = false;       // and being asked whether it is well
  bool found_others_ = false;  // where it was to listen
  boost::asio::steady_timer pause_;
  std::shared_ptr<bool> alive_;  // shared with the probe of this attempt, which ends when it reads false
  std::unique_ptr<system::Process> process_;
};

}  // namespace rouse::daemon
