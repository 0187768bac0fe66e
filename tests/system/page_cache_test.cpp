#include "system/page_cache.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "files.hpp"

namespace rouse::system {
namespace {

using test::Folder;

TEST_CASE("a file that was just written is in the page cache, and one that was dropped is not") {
  const Folder folder;
  const auto file = folder.write("a", mib(3).count + 5);
  CHECK(page_cache({file}).size == mib(3) + Bytes{5});
  CHECK(page_cache({file}).cached == mib(3) + Bytes{5});
  test::drop(file);
  if (!test::can_drop(file)) SKIP("the temporary folder is in memory");
  CHECK(page_cache({file}).cached == Bytes{});
  test::read(file, mib(1).count, 1);
  CHECK(page_cache({file}).cached > Bytes{});
}

TEST_CASE("a part of a file is asked for by itself") {
  const Folder folder;
  const auto path = folder.write("a", mib(2).count);
  const Fd file = test::opened(path);
  const auto by = GENERATE(CacheQuery::cachestat, CacheQuery::mincore);
  CHECK(cached_bytes(file.get(), mib(1), kib(8), by) == kib(8));
  CHECK(cached_bytes(file.get(), mib(1), Bytes{}, by) == Bytes{});
  if (!test::can_drop(path)) SKIP("the temporary folder is in memory");
  CHECK(cached_bytes(file.get(), mib(1), kib(8), by) == Bytes{});
}

TEST_CASE("files count together, and what cannot be read counts nothing") {
  const Folder folder;
  const auto a = folder.write("a", 1000);
  const auto b = folder.write("b", 2000);
  CHECK(page_cache({a, b, folder.path() / "c", folder.path()}).size == Bytes{3000});
}

TEST_CASE("folders stand for the files in them, by name, and files keep their place") {
  const Folder folder;
  const auto last = folder.write("z", 1);
  std::filesystem::create_directories(folder.path() / "in/deep");
  const auto b = folder.write("in/b", 1);
  const auto a = folder.write("in/a", 1);
  const auto c = folder.write("in/deep/c", 1);
  CHECK(regular_files({last, folder.path() / "in", folder.path() / "missing"}) ==
        std::vector<std::filesystem::path>{last, a, b, c});
}

}  // namespace
}  // namespace rouse::system
