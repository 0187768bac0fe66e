// The directory of a daemon's Unix sockets: $XDG_RUNTIME_DIR/rouse-PID-…, or /tmp/rouse-UID-PID-… where there is
// none; mode 0700, ours, locked for as long as we live. Directories whose daemon is dead are removed at the start.
//
// Owner: main, for the daemon's whole life.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rouse::system {

// The path of a socket: nothing is there yet when it is made, and nothing when it ends.
class SocketPath {
 public:
  explicit SocketPath(std::string path);
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&& other) noexcept;
  ~SocketPath();

  const std::string& path() const { return path_; }

 private:
  std::string path_;  // empty when moved from
};

class RuntimeDir {
 public:
  // In the first of `parents` that works; see default_parents().
  static Result<RuntimeDir> create(const std::vector<std::string>& parents);
  static std::vector<std::string> default_parents();

  RuntimeDir(RuntimeDir&& other) noexcept;
  RuntimeDir& operator=(RuntimeDir&& other) noexcept;
  ~RuntimeDir();  // removes it with all that is in it

  const std::string& path() const { return path_; }

  // "worker-12" → a SocketPath ending in ".sock" (llama-server tells a socket by that), short enough for sockaddr_un.
  SocketPath socket(std::string_view name) const;

 private:
  RuntimeDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;  // empty when moved from
  int lock_ = -1;     // an open, flock'ed file inside
};

}  // namespace rouse::system
