// Notices what comes, goes and changes in folders, as the kernel tells it (inotify): nothing is asked again and again.
//
// Owner thread; events come in their order, never from inside watch(). A folder is watched by itself, not what is below
// it. One that is removed or moved away is said to be lost, once, and is then no longer watched.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace rouse::system {

struct FolderEvent {
  enum class Kind : std::uint8_t {
    created,  // and perhaps still being written
    written,  // whoever wrote it has closed it
    came,     // by a rename: whole
    went,     // removed, or renamed to something else
    lost,     // the watched folder itself
    missed,   // there were more events than the kernel keeps: anything may have happened anywhere
  };
  Kind kind;
  std::string path;  // of the file or folder; empty for missed
  bool is_folder = false;
};

class FolderWatch {
 public:
  using Heard = std::function<void(const FolderEvent&)>;

  static Result<std::unique_ptr<FolderWatch>> create(boost::asio::io_context& io, Heard heard);
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  bool watches(const std::string& folder) const { return numbers_.contains(folder); }
  // Fails with the reason: it is not there, or the kernel watches no more folders for us.
  Result<void> watch(const std::string& folder);
  void forget(const std::string& folder);

 private:
  FolderWatch(boost::asio::io_context& io, int descriptor, Heard heard);
  void listen();
  void take(std::size_t bytes);
  void lose(int number);

  boost::asio::posix::stream_descriptor descriptor_;
  Heard heard_;
  std::map<std::string, int> numbers_;
  std::map<int, std::string> folders_;
  alignas(8) char events_[16 * 1024];
};

}  // namespace rouse::system
