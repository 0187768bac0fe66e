// Files of cold models that are held in the page cache (keep_warm: true), so that their next load needs no disk.
//
// They are held in free memory only, and give way to everybody: a model's own to its load, which finds them where they
// are, and all of them, the latest first, to whatever else is to be loaded and does not fit beside them. What they take
// is no part of the machine that the core knows.
//
// Owner: the daemon. Owner thread; files are locked and unlocked on a thread of its own, which there is from the first
// such model on. The destructor waits for it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "daemon/catalogue.hpp"
#include "system/locked_files.hpp"
#include "system/logger.hpp"

namespace rouse::daemon {

class WarmFiles {
 public:
  // All of it outlives this.
  struct Parts {
    boost::asio::io_context& io;
    system::Logger& log;
  };
  // `changed`: held() tells something else, or the next one may be held.
  WarmFiles(Parts parts, std::function<void()> changed) : parts_(parts), changed_(std::move(changed)) {}
  ~WarmFiles();
  WarmFiles(const WarmFiles&) = delete;
  WarmFiles& operator=(const WarmFiles&) = delete;

  // Looks how large the files are, if nobody has yet, and holds them if that is no more than `free`, which is never
  // more than `most`. One after the other: ignored while one is on its way, and after one has failed, until forget().
  void hold(const std::shared_ptr<const Entry>& entry, Bytes free, Bytes most);
  void give_up(ModelId model);
  // The latest of them, until so much has come back or none is left.
  void give_way(Bytes needed);
  void forget(ModelId model);  // its entry has changed, or is gone

  Bytes held() const;    // what is promised to them
  Bytes locked() const;  // what they have of it by now
  bool is_held(ModelId model) const { return holds_.contains(model); }

 private:
  struct Hold {
    Bytes size;
    std::uint64_t since = 0;
    std::shared_ptr<const Entry> entry;  // shared with the catalogue
    std::stop_source stop = {};
    std::optional<system::LockedFiles> files = {};
  };
  boost::asio::thread_pool& pool();
  void lock(ModelId model);
  void locked(ModelId model, std::uint64_t since, Result<system::LockedFiles> files);
  void release(std::map<ModelId, Hold>::iterator hold);

  Parts parts_;
  std::function<void()> changed_;
  std::shared_ptr<std::atomic<std::int64_t>> locked_ =
      std::make_shared<std::atomic<std::int64_t>>(0);  // shared with what is locked
  std::map<ModelId, Hold> holds_;
  std::map<ModelId, Bytes> sizes_;
  std::set<ModelId> failed_;
  std::set<ModelId> too_large_;  // which was told
  bool busy_ = false;
  std::uint64_t next_ = 1;
  std::optional<boost::asio::thread_pool> pool_;
};

}  // namespace rouse::daemon
