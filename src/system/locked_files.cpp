#include "system/locked_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <format>
#include <string>
#include <system_error>
#include <utility>

#include "system/fd.hpp"

namespace rouse::system {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 20;  // between two looks whether to stop

std::string why_not(int error) {
  rlimit limit{};
  const bool limited = (error == ENOMEM || error == EPERM || error == EAGAIN) &&
                       ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  if (!limited) return std::system_category().message(error);
  return std::format(
      "this process may lock {}; LimitMEMLOCK=infinity in its systemd unit, or ulimit -l unlimited, allows more",
      to_string(Bytes{static_cast<std::int64_t>(limit.rlim_cur)}));
}

}  // namespace

Result<LockedFiles> LockedFiles::lock(const std::vector<std::filesystem::path>& files,
                                      std::shared_ptr<std::atomic<std::int64_t>> locked, const std::stop_token& stop) {
  LockedFiles all(std::move(locked));
  for (const std::filesystem::path& file : files) {
    if (auto added = all.add(file, stop); !added) return std::unexpected(std::move(added.error()));
  }
  return all;
}

Result<void> LockedFiles::add(const std::filesystem::path& path, const std::stop_token& stop) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat found{};
  if (!file.open() || ::fstat(file.get(), &found) != 0)
    return fail(Code::not_found, "its files cannot be read", path.string());
  if (found.st_size == 0) return {};
  const auto size = static_cast<std::size_t>(found.st_size);
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) return fail(Code::internal, std::system_category().message(errno), path.string());
  Mapping& mapping = mappings_.emplace_back(Mapping{.at = at, .size = size, .locked = 0});
  for (std::size_t offset = 0; offset < size; offset += kPiece) {
    if (stop.stop_requested()) return fail(Code::cancelled, "it was told to stop");
    const std::size_t piece = std::min(kPiece, size - offset);
    // mlock2, because sanitizers make mlock do nothing.
    if (::mlock2(static_cast<std::byte*>(at) + offset, piece, 0) != 0)
      return fail(Code::forbidden, why_not(errno), path.string());
    mapping.locked += static_cast<std::int64_t>(piece);
    *locked_ += static_cast<std::int64_t>(piece);
  }
  return {};
}

LockedFiles::LockedFiles(LockedFiles&& other) noexcept
    : locked_(std::move(other.locked_)), mappings_(std::exchange(other.mappings_, {})) {}

Bytes LockedFiles::size() const {
  Bytes sum;
  for (const Mapping& mapping : mappings_) sum += Bytes{static_cast<std::int64_t>(mapping.size)};
  return sum;
}

LockedFiles::~LockedFiles() {
  for (const Mapping& mapping : mappings_) {
    ::munmap(mapping.at, mapping.size);
    *locked_ -= mapping.locked;
  }
}

}  // namespace rouse::system
