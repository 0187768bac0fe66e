#include "system/duplicates.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <numeric>

#include "system/fd.hpp"

using namespace rouse;
using namespace rouse::system;

namespace {

std::optional<Duplicates> found_among(const std::vector<Bytes>& sizes) { return find_duplicates(sizes); }

}  // namespace

TEST_CASE("several large processes of about the same size are duplicates") {
  CHECK(found_among({mib(12), gib(1), gib(1), gib(1)}) == Duplicates{3, gib(1)});
  CHECK(found_among({mib(100), mib(91)}) == Duplicates{2, Bytes{mib(191).count / 2}});
  CHECK(to_string(Duplicates{3, gib(1)}) == "3 processes hold 1 GiB each");
}

TEST_CASE("one large process, or two that differ, are none") {
  CHECK_FALSE(found_among({}));
  CHECK_FALSE(found_among({gib(4)}));
  CHECK_FALSE(found_among({gib(4), mib(30), mib(30)}));
  CHECK_FALSE(found_among({mib(100), mib(89)}));
}

TEST_CASE("small processes are none, however alike") {
  CHECK_FALSE(found_among({mib(63), mib(63), mib(63)}));
  CHECK(found_among({mib(64), mib(64)}) == Duplicates{2, mib(64)});
}

TEST_CASE("helpers beside one that holds more than twice as much are none") {
  CHECK_FALSE(found_among({gib(4), gib(1), gib(1)}));
  CHECK(found_among({gib(2), gib(1), gib(1)}) == Duplicates{2, gib(1)});
}

TEST_CASE("of two kinds the one with more processes is told, of as many the larger") {
  CHECK(found_among({mib(300), mib(300), mib(200), mib(200), mib(200)}) == Duplicates{3, mib(200)});
  CHECK(found_among({mib(300), mib(200), mib(300), mib(200)}) == Duplicates{2, mib(300)});
}

TEST_CASE("what this process alone has written is private to it, what a file can give again is not") {
  const auto sum = [] {
    const std::vector<Bytes> all = private_bytes(::getpid());
    return std::accumulate(all.begin(), all.end(), Bytes{}, [](Bytes a, Bytes b) { return a + b; });
  };
  // Of a program that has just been linked, pages still wait to be written, and are its own while nobody else runs it.
  const Fd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  REQUIRE(::fsync(program.get()) == 0);
  const Bytes before = sum();
  const std::size_t size = 32U << 20;
  void* const block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(block != MAP_FAILED);
  std::memset(block, 1, size);
  const Bytes after = sum();
  ::munmap(block, size);
  CHECK(after - before >= mib(31));
  CHECK(after - before <= mib(40));
  CHECK(private_bytes(0x7fffffff).empty());
}
