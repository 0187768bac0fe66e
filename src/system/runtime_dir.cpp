#include "system/runtime_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <format>
#include <utility>

#include "system/fd.hpp"

namespace rouse::system {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestSocketName = 32;

// "rouse-" where the folder is ours alone, "rouse-UID-" where it is shared.
std::string prefix_in(const std::string& parent) {
  struct stat about{};
  const bool own = ::stat(parent.c_str(), &about) == 0 && about.st_uid == ::geteuid() && (about.st_mode & 0077) == 0;
  return own ? "rouse-" : std::format("rouse-{}-", ::geteuid());
}

// A folder that is ours alone and no link.
bool is_ours(const std::string& path) {
  struct stat about{};
  return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid() &&
         (about.st_mode & 0077) == 0;
}

// The folder's lock, held; nothing when another process holds it, or has removed the folder meanwhile.
Fd lock_folder(const std::string& path, int flags) {
  const std::string name = path + "/lock";
  Fd lock(::open(name.c_str(), flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.open() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return {};
  struct stat held{};
  struct stat named{};
  if (::fstat(lock.get(), &held) != 0 || ::stat(name.c_str(), &named) != 0 || held.st_ino != named.st_ino) return {};
  return lock;
}

// Daemons that were killed could not tidy up. A folder without a living owner is one whose lock is free. (One that has
// no lock yet is just being made.)
void remove_stale(const std::string& parent, const std::string& prefix) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(prefix) || !is_ours(entry.path())) continue;
    if (const Fd lock = lock_folder(entry.path(), 0); lock.open()) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

SocketPath::SocketPath(std::string path) : path_(std::move(path)) { ::unlink(path_.c_str()); }
SocketPath::SocketPath(SocketPath&& other) noexcept : path_(std::exchange(other.path_, {})) {}
SocketPath& SocketPath::operator=(SocketPath&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
SocketPath::~SocketPath() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::vector<std::string> RuntimeDir::default_parents() {
  std::vector<std::string> parents;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    parents.emplace_back(runtime);
  }
  parents.emplace_back("/tmp");
  return parents;
}

Result<RuntimeDir> RuntimeDir::create(const std::vector<std::string>& parents) {
  std::string tried;
  for (const std::string& parent : parents) {
    const std::string prefix = prefix_in(parent);
    remove_stale(parent, prefix);
    std::string path = std::format("{}/{}{}-XXXXXX", parent, prefix, ::getpid());
    if (path.size() + 1 + kLongestSocketName + 6 > sizeof(sockaddr_un::sun_path)) {
      tried += std::format("{}: too long a path for a socket; ", parent);
      continue;
    }
    if (::mkdtemp(path.data()) == nullptr) {  // mode 0700
      tried += std::format("{}: {}; ", parent, std::strerror(errno));
      continue;
    }
    Fd lock = lock_folder(path, O_CREAT);
    if (!lock.open()) {
      tried += std::format("{}: {}; ", path, std::strerror(errno));
      continue;
    }
    return RuntimeDir(std::move(path), lock.release());
  }
  return fail(Code::internal, "There is no folder for Rouse's sockets. Set XDG_RUNTIME_DIR to one that is yours.",
              std::move(tried));
}

RuntimeDir::RuntimeDir(RuntimeDir&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::exchange(other.lock_, -1)) {}

RuntimeDir& RuntimeDir::operator=(RuntimeDir&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

RuntimeDir::~RuntimeDir() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(lock_);
}

SocketPath RuntimeDir::socket(std::string_view name) const {
  return SocketPath(std::format("{}/{}.sock", path_, name.substr(0, kLongestSocketName)));
}

}  // namespace rouse::system
