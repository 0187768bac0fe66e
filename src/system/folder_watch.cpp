#include "system/folder_watch.hpp"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <format>
#include <utility>

namespace rouse::system {
namespace {

constexpr std::uint32_t kAsked =
    IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kLost = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

FolderEvent::Kind kind_of(std::uint32_t mask) {
  if ((mask & IN_CREATE) != 0) return FolderEvent::Kind::created;
  if ((mask & IN_CLOSE_WRITE) != 0) return FolderEvent::Kind::written;
  if ((mask & IN_MOVED_TO) != 0) return FolderEvent::Kind::came;
  return FolderEvent::Kind::went;
}

}  // namespace

FolderWatch::FolderWatch(boost::asio::io_context& io, int descriptor, Heard heard)
    : descriptor_(io, descriptor), heard_(std::move(heard)) {}

Result<std::unique_ptr<FolderWatch>> FolderWatch::create(boost::asio::io_context& io, Heard heard) {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return fail(Code::internal, std::format("folders cannot be watched: {}", std::strerror(errno)));
  std::unique_ptr<FolderWatch> watch(new FolderWatch(io, descriptor, std::move(heard)));
  watch->listen();
  return watch;
}

Result<void> FolderWatch::watch(const std::string& folder) {
  if (watches(folder)) return {};
  const int number = ::inotify_add_watch(descriptor_.native_handle(), folder.c_str(), kAsked);
  if (number < 0) {
    const std::string why = errno == ENOSPC ? "there are no more watches for this user (fs.inotify.max_user_watches)"
                                            : std::string(std::strerror(errno));
    return fail(Code::internal, std::format("{} cannot be watched: {}", folder, why));
  }
  if (const auto was = folders_.find(number); was != folders_.end()) numbers_.erase(was->second);  // it was renamed
  folders_[number] = folder;
  numbers_[folder] = number;
  return {};
}

void FolderWatch::forget(const std::string& folder) {
  const auto found = numbers_.find(folder);
  if (found == numbers_.end()) return;
  ::inotify_rm_watch(descriptor_.native_handle(), found->second);
  folders_.erase(found->second);
  numbers_.erase(found);
}

void FolderWatch::listen() {
  descriptor_.async_read_some(boost::asio::buffer(events_),
                              [this](const boost::system::error_code& error, std::size_t bytes) {
                                if (error) return;  // it is ending
                                take(bytes);
                                listen();
                              });
}

void FolderWatch::lose(int number) {
  const auto found = folders_.find(number);
  if (found == folders_.end()) return;
  const std::string folder = found->second;
  forget(folder);
  heard_({.kind = FolderEvent::Kind::lost, .path = folder, .is_folder = true});
}

void FolderWatch::take(std::size_t bytes) {
  for (std::size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
    inotify_event event{};
    std::memcpy(&event, events_ + at, sizeof(event));
    const char* const name = events_ + at + sizeof(event);
    at += sizeof(event) + event.len;
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      heard_({.kind = FolderEvent::Kind::missed, .path = {}});
    } else if ((event.mask & kLost) != 0) {
      lose(event.wd);
    } else if (const auto folder = folders_.find(event.wd); folder != folders_.end()) {
      heard_({.kind = kind_of(event.mask),
              .path = folder->second + "/" + name,
              .is_folder = (event.mask & IN_ISDIR) != 0});
    }
  }
}

}  // namespace rouse::system
