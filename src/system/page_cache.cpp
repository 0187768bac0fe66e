#include "system/page_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "system/fd.hpp"

namespace rouse::system {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 4096;
constexpr long kCachestat = 451;  // on every architecture; older headers do not name it

struct Range {
  std::uint64_t offset;
  std::uint64_t length;
};
struct Pages {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t written_back;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

std::int64_t page_size() {
  static const std::int64_t size = ::sysconf(_SC_PAGESIZE);
  return size;
}

std::optional<std::int64_t> by_cachestat(int file, Bytes offset, Bytes length) {
  Range range{static_cast<std::uint64_t>(offset.count), static_cast<std::uint64_t>(length.count)};
  Pages pages{};
  if (::syscall(kCachestat, file, &range, &pages, 0U) != 0) return std::nullopt;
  return static_cast<std::int64_t>(pages.cached);
}

std::int64_t by_mincore(int file, Bytes offset, Bytes length) {
  const std::int64_t from = offset.count - offset.count % page_size();
  const auto size = static_cast<std::size_t>(offset.count + length.count - from);
  void* const mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, from);
  if (mapping == MAP_FAILED) return 0;
  std::vector<unsigned char> pages((size + static_cast<std::size_t>(page_size()) - 1) /
                                   static_cast<std::size_t>(page_size()));
  std::int64_t cached = 0;
  if (::mincore(mapping, size, pages.data()) == 0)
    cached = std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; });
  ::munmap(mapping, size);
  return cached;
}

}  // namespace

Bytes cached_bytes(int file, Bytes offset, Bytes length, CacheQuery by) {
  if (length.count <= 0) return {};
  const auto pages = by == CacheQuery::cachestat ? by_cachestat(file, offset, length) : std::nullopt;
  return std::min(length, Bytes{(pages ? *pages : by_mincore(file, offset, length)) * page_size()});
}

PageCache page_cache(const std::vector<fs::path>& files) {
  PageCache sum;
  for (const fs::path& path : files) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat found{};
    if (!file.open() || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    sum.size += Bytes{found.st_size};
    sum.cached += cached_bytes(file.get(), {}, Bytes{found.st_size});
  }
  return sum;
}

std::vector<fs::path> regular_files(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (fs::is_regular_file(path, error) && files.size() < kMostFiles) files.push_back(path);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error);
    for (; !error && at != fs::recursive_directory_iterator() && files.size() < kMostFiles; at.increment(error)) {
      std::error_code unreadable;
      if (at->is_regular_file(unreadable)) files.push_back(at->path());
    }
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

}  // namespace rouse::system
