#include "system/locked_files.hpp"

#include <catch2/catch_test_macros.hpp>
#include <optional>

#include "files.hpp"

namespace rouse::system {
namespace {

using test::Folder;

std::shared_ptr<std::atomic<std::int64_t>> nothing() { return std::make_shared<std::atomic<std::int64_t>>(0); }

TEST_CASE("locked files stay in the page cache until their owner ends") {
  const Folder folder;
  const auto file = folder.write("a", kib(24).count);  // an ordinary user may lock so much
  const auto empty = folder.write("empty", 0);
  if (!test::can_drop(file)) SKIP("the temporary folder is in memory");
  const auto count = nothing();
  auto locked = LockedFiles::lock({file, empty}, count, {});
  REQUIRE(locked);
  CHECK(*count == kib(24).count);
  std::optional<LockedFiles> owner(std::move(*locked));
  test::drop(file);
  CHECK(page_cache({file}).cached == kib(24));
  owner.reset();
  CHECK(*count == 0);
  test::drop(file);
  CHECK(page_cache({file}).cached == Bytes{});
}

TEST_CASE("what cannot be locked as a whole is not locked at all") {
  const Folder folder;
  const auto file = folder.write("a", kib(8).count);
  const auto count = nothing();
  const auto missing = LockedFiles::lock({file, folder.path() / "missing"}, count, {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::not_found);
  CHECK(*count == 0);
}

TEST_CASE("locking stops when it is told to") {
  const Folder folder;
  const auto count = nothing();
  std::stop_source stop;
  stop.request_stop();
  CHECK(LockedFiles::lock({folder.write("a", 1)}, count, stop.get_token()).error().code == Code::cancelled);
  CHECK(*count == 0);
}

}  // namespace
}  // namespace rouse::system
