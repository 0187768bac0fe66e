#include "system/tree_reads.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "files.hpp"

namespace rouse::system {
namespace {

TEST_CASE("what a process reads is counted, whether a disk had to be asked or not") {
  const test::Folder folder;
  const auto file = folder.write("a", mib(8).count);
  const Bytes before = bytes_read(::getpid());
  test::read(file, 0, static_cast<std::size_t>(mib(8).count));
  CHECK(bytes_read(::getpid()) - before >= mib(8));
}

TEST_CASE("a process that is not there has read nothing") { CHECK(bytes_read(0x7fffffff) == Bytes{}); }

}  // namespace
}  // namespace rouse::system
