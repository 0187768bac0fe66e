// Files that are held in the page cache: mapped here, and locked, so that the kernel does not take their pages for
// something else. What others map of them are the same pages.
//
// A move-only resource; its end gives the pages back, to be kept or dropped as the kernel likes. Taking it and its end
// block, for as long as a disk needs and for some ms a GB: for a thread of a pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace rouse::system {

class LockedFiles {
 public:
  // All of them or, when that is not possible or `stop` is asked for, nothing. `locked` counts the bytes; it is shared
  // with whoever wants to know.
  static Result<LockedFiles> lock(const std::vector<std::filesystem::path>& files,
                                  std::shared_ptr<std::atomic<std::int64_t>> locked, const std::stop_token& stop);
  LockedFiles(LockedFiles&& other) noexcept;
  LockedFiles& operator=(LockedFiles&&) = delete;
  ~LockedFiles();

  Bytes size() const;  // of the files

 private:
  struct Mapping {
    void* at;
    std::size_t size;
    std::int64_t locked;
  };
  explicit LockedFiles(std::shared_ptr<std::atomic<std::int64_t>> locked) : locked_(std::move(locked)) {}
  Result<void> add(const std::filesystem::path& file, const std::stop_token& stop);

  std::shared_ptr<std::atomic<std::int64_t>> locked_;  // shared with whoever counts
  std::vector<Mapping> mappings_;
};

}  // namespace rouse::system
