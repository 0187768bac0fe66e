#include "system/host_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <fstream>

using namespace rouse;
using namespace rouse::system;
namespace fs = std::filesystem;

namespace {

// A root folder with the files a machine would show.
struct Machine {
  fs::path root = fs::temp_directory_path() / ("rouse-test-machine-" + std::to_string(::getpid()));
  Machine() { fs::remove_all(root); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { fs::remove_all(root); }

  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
};

constexpr auto kMeminfo = "MemTotal:       16777216 kB\nMemFree:  100 kB\nMemAvailable:    8388608 kB\n";

}  // namespace

TEST_CASE("without a cgroup the machine's own numbers count") {
  const Machine machine;
  CHECK_FALSE(host_memory(machine.root));
  machine.file("proc/meminfo", kMeminfo);
  CHECK(host_memory(machine.root)->total == gib(16));
  CHECK(host_memory(machine.root)->available == gib(8));
}

TEST_CASE("a cgroup's limit is the machine, also one further up, in version 2") {
  const Machine machine;
  machine.file("proc/meminfo", kMeminfo);
  machine.file("proc/self/cgroup", "0::/app/rouse\n");
  machine.file("sys/fs/cgroup/app/rouse/memory.max", "max\n");
  machine.file("sys/fs/cgroup/app/rouse/memory.current", "100\n");
  CHECK(host_memory(machine.root)->total == gib(16));
  machine.file("sys/fs/cgroup/app/memory.max", std::to_string(gib(4).count));
  machine.file("sys/fs/cgroup/app/memory.current", std::to_string(gib(3).count));
  machine.file("sys/fs/cgroup/app/memory.stat", "anon 1\ninactive_file " + std::to_string(gib(1).count) +
                                                    "\nactive_file " + std::to_string(gib(1).count));
  CHECK(host_memory(machine.root)->total == gib(4));
  CHECK(host_memory(machine.root)->available == gib(3));  // file pages can be had back
}

TEST_CASE("a cgroup's limit is the machine in version 1, and no limit is none") {
  const Machine machine;
  machine.file("proc/meminfo", kMeminfo);
  machine.file("proc/self/cgroup", "5:cpuset:/\n4:memory:/box\n0::/\n");
  machine.file("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
  machine.file("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "100\n");
  CHECK(host_memory(machine.root)->total == gib(16));
  machine.file("sys/fs/cgroup/memory/box/memory.limit_in_bytes", std::to_string(gib(2).count));
  CHECK(host_memory(machine.root)->total == gib(2));
}

TEST_CASE("OOM kills are counted in our cgroup where it counts, else on the machine") {
  const Machine machine;
  CHECK(oom_kills(machine.root) == 0);
  machine.file("proc/vmstat", "pgfault 7\noom_kill 12\n");
  CHECK(oom_kills(machine.root) == 12);
  machine.file("proc/self/cgroup", "0::/rouse\n");
  machine.file("sys/fs/cgroup/rouse/memory.events", "low 0\noom 9\noom_kill 3\noom_group_kill 0\n");
  CHECK(oom_kills(machine.root) == 3);
  machine.file("proc/self/cgroup", "4:memory:/one\n0::/rouse\n");
  machine.file("sys/fs/cgroup/memory/one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
  CHECK(oom_kills(machine.root) == 5);
}

TEST_CASE("a tree is found with and without the kernel's list of children") {
  const Machine machine;
  const std::string numbers[] = {"10", "11", "12"};
  for (const std::string& pid : numbers)
    machine.file("proc/" + pid + "/status", "RssAnon:\t100 kB\nRssShmem: 10 kB\nRssFile: 1 kB\n");
  machine.file("proc/10/stat", "10 (a) S 1 10");
  machine.file("proc/11/stat", "11 (b ) S 9 ) S 10 10");
  machine.file("proc/12/stat", "12 (c) S 11 10");
  CHECK(descendants(10, machine.root) == std::vector{11, 12});
  CHECK(tree_memory(10, machine.root).anonymous == kib(300));
  CHECK(tree_memory(10, machine.root).held() == kib(330));
  CHECK(tree_memory(10, machine.root).file == kib(3));
  machine.file("proc/10/task/10/children", "12 ");
  machine.file("proc/10/task/77/children", "11 ");
  machine.file("proc/11/task/11/children", "");
  machine.file("proc/12/task/12/children", "");
  CHECK(tree_memory(10, machine.root).processes == 3);
  CHECK(tree_memory(99, machine.root).processes == 0);
}

TEST_CASE("this machine and this process are measured") {
  const auto machine = host_memory();
  REQUIRE(machine);
  CHECK(machine->total > mib(64));
  CHECK(machine->available > Bytes{0});
  CHECK(machine->available <= machine->total);

  const TreeMemory before = tree_memory(::getpid());
  const std::size_t size = 32U << 20;
  void* const block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(block != MAP_FAILED);
  std::memset(block, 1, size);
  const TreeMemory after = tree_memory(::getpid());
  ::munmap(block, size);
  CHECK(after.anonymous - before.anonymous >= mib(31));
  CHECK(after.anonymous - before.anonymous <= mib(40));
  CHECK(before.processes >= 1);
}
