// Keeps what was learnt in an SQLite file, on a thread of its own. Whatever is wrong with the file costs the memory of
// the past, never the start and never a request: a damaged one is set aside, one that is locked, read-only or of
// another version is left alone, and why is said once.
//
// Owner: the daemon. Owner thread, but for await_read().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "daemon/learnt.hpp"
#include "system/database.hpp"
#include "system/logger.hpp"

namespace rouse::daemon {

class LearntStore {
 public:
  // All of it outlives this.
  struct Parts {
    boost::asio::io_context& io;
    const Clock& clock;
    system::Logger& log;
  };
  // An empty path: nothing is kept. Otherwise `read` is called on the owner thread once what was kept has been read.
  LearntStore(Parts parts, std::filesystem::path path, std::function<void(LearntRecords)> read);
  // Returns when what was given to it has been written.
  ~LearntStore();
  LearntStore(const LearntStore&) = delete;
  LearntStore& operator=(const LearntStore&) = delete;

  void write(const LearntKey& key, const LearntRecord& record);
  void forget(const std::string& model);
  // Returns when the file has been read, or has not been within that time. Any thread.
  void await_read(Duration within) const;

 private:
  // On the thread.
  void open();
  Result<system::Database> make_ready();
  Result<void> set_aside() const;
  Result<LearntRecords> read_all();
  void change(const std::function<Result<void>(system::Database&)>& work);
  void complain(const Error& error);
  void warn(std::string words) const;

  Parts parts_;
  std::filesystem::path path_;
  std::promise<void> was_read_;
  std::shared_future<void> reading_;
  std::optional<system::Database> database_;  // the thread's
  std::string complained_;                    // the thread's
  std::set<std::string> unforgotten_;         // the thread's: to be forgotten as soon as that can be written
  std::optional<boost::asio::thread_pool> thread_;
};

}  // namespace rouse::daemon
