// Looks after loads while they go on: has the files read ahead, and sees how far each of them is.
//
// Owner: the daemon. Owner thread; what may block (files, /proc) is done on the daemon's pool, and reading ahead on
// threads of its own, which there are from the first file that is worth it. Reading ahead ends with the load, however
// that ends. The destructor waits for those threads.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "daemon/catalogue.hpp"
#include "daemon/learnt.hpp"
#include "daemon/progress.hpp"
#include "system/logger.hpp"

namespace rouse::daemon {

class Loads {
 public:
  // All of it outlives this.
  struct Parts {
    boost::asio::io_context& io;
    boost::asio::thread_pool& pool;
    const Clock& clock;
    system::Logger& log;
  };
  Loads(Parts parts, std::function<void(ModelId)> has_moved)
      : parts_(parts), has_moved_(std::move(has_moved)), timer_(parts.io) {}
  ~Loads();
  Loads(const Loads&) = delete;
  Loads& operator=(const Loads&) = delete;

  struct Order {
    WorkerId worker;
    std::shared_ptr<const Entry> entry;  // shared with the worker
    std::function<int()> tree;           // the root of its processes; 0 while there is none
    Bytes footprint;                     // on the host, when ready
    Bytes reserve;                       // of the host's memory, that stays free
    std::optional<Duration> usual;       // how long a load of the model takes
    LoadTimes times;                     // likewise, by where it comes from
    bool again = false;                  // the one before ran out of memory: whoever waits sees how far that came
  };
  void begin(Order order);
  enum class End : std::uint8_t { ready, otherwise };
  struct Ended {
    Duration took{};
    double cold = 0;  // share of the files that had to come from a disk
  };
  // Nothing for a worker that does not load.
  std::optional<Ended> end(WorkerId worker, End how);
  void forget(ModelId model);

  // Nothing for a worker that does not load.
  std::optional<Progress::Estimate> progress(WorkerId worker);

 private:
  struct Load {
    Order order;
    Progress progress;
    std::optional<std::vector<std::filesystem::path>> files = {};  // once they have been looked for
    std::stop_source warming = {};
    TimePoint told = {};
  };
  struct Known {
    std::uint64_t revision = 0;
    LoadCourses courses;
  };
  struct Seen;

  void found(WorkerId worker, std::vector<std::filesystem::path> files, const LoadEvidence& first);
  void warm(Load& load);
  void look_later();
  void look();
  void looked(const std::vector<Seen>& all);

  Parts parts_;
  std::function<void(ModelId)> has_moved_;
  std::map<WorkerId, Load> loads_;
  std::map<ModelId, Known> known_;
  std::map<ModelId, double> failed_at_;  // how far the last load came that did not become ready
  boost::asio::steady_timer timer_;
  bool looking_ = false;
  std::optional<boost::asio::thread_pool> warmers_;
};

}  // namespace rouse::daemon
