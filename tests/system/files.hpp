// Files of a certain size, and whether the page cache has them.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "system/fd.hpp"
#include "system/page_cache.hpp"

namespace rouse::system::test {

inline Fd opened(const std::filesystem::path& path, int flags = O_RDONLY) {
  Fd file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  REQUIRE(file.open());
  return file;
}

// A folder of its own, with what is in it, for the length of a test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "rouse-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::int64_t size) const {
    const Fd file = opened(path_ / name, O_WRONLY | O_CREAT);
    const std::vector<char> bytes(static_cast<std::size_t>(size), 'x');
    REQUIRE(::write(file.get(), bytes.data(), bytes.size()) == size);
    REQUIRE(::fsync(file.get()) == 0);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline void drop(const std::filesystem::path& path) {
  REQUIRE(::posix_fadvise(opened(path).get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
}

inline bool can_drop(const std::filesystem::path& path) {  // not where the file is memory itself
  drop(path);
  return page_cache({path}).cached < page_cache({path}).size;
}

inline void read(const std::filesystem::path& path, std::int64_t offset, std::size_t size) {
  std::vector<char> into(size);
  REQUIRE(::pread(opened(path).get(), into.data(), size, offset) == static_cast<ssize_t>(size));
}

}  // namespace rouse::system::test
