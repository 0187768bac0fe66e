#include "system/warming.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "files.hpp"
#include "system/io_ring.hpp"

namespace rouse::system {
namespace {

using test::Folder;

Bytes plenty() { return gib(1); }

TEST_CASE("what is not in the page cache is read into it, by either kind of requests") {
  const auto by = GENERATE(Requests::io_uring, Requests::threads);
  const Folder folder;
  const auto a = folder.write("a", mib(9).count + 1234);
  const auto b = folder.write("b", mib(2).count);
  if (!test::can_drop(a)) SKIP("the temporary folder is in memory");
  test::drop(b);
  const Warmed warmed = warm({a, folder.path() / "missing", b}, plenty, {}, by);
  CHECK(warmed.read > Bytes{});
  CHECK(warmed.read + warmed.present == mib(11) + Bytes{1234});
  CHECK(page_cache({a, b}).cached == page_cache({a, b}).size);
}

TEST_CASE("what is in the page cache is not read again") {
  const Folder folder;
  const auto file = folder.write("a", mib(5).count);
  test::read(file, 0, static_cast<std::size_t>(mib(5).count));
  const Warmed warmed = warm({file}, plenty, {});
  CHECK(warmed.read == Bytes{});
  CHECK(warmed.present == mib(5));
}

TEST_CASE("nothing is read where there is no room, and no more once there is none") {
  const auto by = GENERATE(Requests::io_uring, Requests::threads);
  const Folder folder;
  const auto file = folder.write("a", mib(100).count);
  if (!test::can_drop(file)) SKIP("the temporary folder is in memory");
  CHECK(warm({file}, [] { return mib(1); }, {}, by).read == Bytes{});
  int looks = 0;
  const Warmed warmed = warm({file}, [&] { return ++looks == 1 ? gib(1) : Bytes{}; }, {}, by);
  CHECK(warmed.read + warmed.present == mib(64));
}

TEST_CASE("what has been read is not free any more, whatever the kernel says") {
  const auto by = GENERATE(Requests::io_uring, Requests::threads);
  const Folder folder;
  const auto file = folder.write("a", mib(200).count);
  if (!test::can_drop(file)) SKIP("the temporary folder is in memory");
  const Warmed warmed = warm({file}, [] { return mib(130); }, {}, by);
  CHECK(warmed.read + warmed.present == mib(128));
}

TEST_CASE("it stops when it is told to") {
  const auto by = GENERATE(Requests::io_uring, Requests::threads);
  const Folder folder;
  const auto file = folder.write("a", mib(100).count);
  if (!test::can_drop(file)) SKIP("the temporary folder is in memory");
  std::stop_source stop;
  int looks = 0;
  const auto told_at_the_second_look = [&] {
    if (++looks == 2) stop.request_stop();
    return gib(1);
  };
  const Warmed warmed = warm({file}, told_at_the_second_look, stop.get_token(), by);
  CHECK(warmed.read + warmed.present >= mib(64));
  CHECK(warmed.read + warmed.present <= mib(65));
}

TEST_CASE("reads by a ring give the bytes of the file") {
  const auto ring = IoRing::create(4);
  if (!ring) SKIP("io_uring is not allowed here");
  const Folder folder;
  const Fd file = test::opened(folder.write("a", 10'000));
  std::vector<std::byte> bytes(8192);
  REQUIRE(ring->read(file.get(), 4096, bytes, 7));
  CHECK(ring->under_way() == 1);
  const auto done = ring->wait();
  REQUIRE(done);
  CHECK(done->tag == 7);
  CHECK(done->result == 10'000 - 4096);
  CHECK(bytes.front() == std::byte{'x'});
  CHECK_FALSE(ring->wait());
}

}  // namespace
}  // namespace rouse::system
