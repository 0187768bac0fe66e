#include "system/tree_work.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <ctime>
#include <fstream>

#include "files.hpp"

namespace rouse::system {
namespace {

using namespace std::chrono_literals;

TEST_CASE("what a process reads is counted, whether a disk had to be asked or not") {
  const test::Folder folder;
  const auto file = folder.write("a", mib(8).count);
  const Bytes before = tree_work(::getpid()).read;
  test::read(file, 0, static_cast<std::size_t>(mib(8).count));
  CHECK(tree_work(::getpid()).read - before >= mib(8));
}

TEST_CASE("what a tree has computed is user and system time of all of it") {
  const test::Folder folder;
  const auto tell = [&](const char* pid, const char* stat, const char* children) {
    std::filesystem::create_directories(folder.path() / "proc" / pid / "task" / pid);
    std::ofstream(folder.path() / "proc" / pid / "stat") << stat;
    std::ofstream(folder.path() / "proc" / pid / "task" / pid / "children") << children;
  };
  const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  tell("7", "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 5 6 20 0 1 0 8", "8 ");
  tell("8", "8 (d) S 7 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 8", "");
  CHECK(tree_work(7, folder.path()).processor ==
        std::chrono::milliseconds(static_cast<std::int64_t>(42 * tick * 1000)) +
            std::chrono::milliseconds(static_cast<std::int64_t>(3 * tick * 1000)));
}

TEST_CASE("a process that is not there has done nothing") {
  CHECK(tree_work(0x7fffffff).read == Bytes{});
  CHECK(tree_work(0x7fffffff).processor == 0s);
}

}  // namespace
}  // namespace rouse::system
