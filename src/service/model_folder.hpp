// The models of `--models DIR`: what the folder holds now, and whenever that changes.
//
// At the start names are believed, and a model's files are looked at when it is first asked for. What comes while the
// daemon runs is taken when whoever writes it has closed it or moved it there, and when its files can be read as a
// model's; whatever cannot is left out, with the reason in the log, and keeps nothing else from being taken.
//
//   inotify → (still being written: wait) → quiet for a moment → scan and look at files, on the pool → changed()
//
// Made by main; outlives whoever is called, and ends after io has. Owner thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "config/scan.hpp"
#include "system/folder_watch.hpp"
#include "system/logger.hpp"

namespace rouse {

class ModelFolder {
 public:
  using Check = std::function<Result<void>(const config::Model&)>;  // can its files be used? on any thread
  using Found = std::expected<config::Config, config::Problems>;

  ModelFolder(boost::asio::io_context& io, const Clock& clock, system::Logger& log, std::string folder, Check check);
  ~ModelFolder();
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;

  // What is there now. Fails only before it has succeeded once: afterwards a folder that is gone holds no models.
  Found read();
  // From now on `changed` is called with what is there, after it may have changed.
  void watch(std::function<void(config::Config)> changed);

 private:
  // A look at the folder: what it goes by, and what it finds. Shared by nobody, so that it may happen on the pool.
  struct Look {
    std::string folder;
    Check check;
    bool believes = false;              // names: nothing is checked
    std::vector<config::Model> taken;   // by the look before, and so known to be good
    std::set<std::string> written;      // since then
    std::set<std::string> in_progress;  // still being written
  };
  static std::expected<config::Scan, config::Problems> look(const Look& at);

  Look next_look();
  Found take(std::expected<config::Scan, config::Problems> seen);
  void tell(const config::Problems& left_out);
  void watch_folders(const config::Scan& seen);
  std::string parent() const;
  void watch_for_return();
  void heard(const system::FolderEvent& event);
  void note(const system::FolderEvent& event, const std::string& path);
  void settle();
  void look_again();

  boost::asio::io_context& io_;
  const Clock& clock_;
  system::Logger& log_;
  const std::string folder_;  // as it was named to us
  const std::string path_;    // absolute, as events name it
  Check check_;
  std::function<void(config::Config)> changed_;
  std::unique_ptr<system::FolderWatch> watch_;
  boost::asio::steady_timer quiet_;
  std::optional<TimePoint> first_change_;  // since the last look
  bool looking_ = false;
  bool begun_ = false;  // it has been read once
  bool there_ = true;
  std::vector<config::Model> taken_;
  std::set<std::string> written_;
  std::set<std::string> in_progress_;
  std::set<std::string> looked_into_;              // folders
  std::multimap<std::string, std::string> links_;  // by the file elsewhere that they lead to
  std::map<std::string, std::string> told_;        // what was left out, and why
  std::optional<boost::asio::thread_pool> pool_;
};

}  // namespace rouse
