#include "daemon/loading_time.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::daemon {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000s};

TEST_CASE("whoever comes in mid-load has waited for the rest of it") {
  LoadingTime loading;
  CHECK(loading.until(kStart) == 0s);
  loading.begins(kStart);
  const Duration before = loading.until(kStart + 3s);
  loading.ends(kStart + 10s);
  CHECK(loading.until(kStart + 60s) - before == 7s);
}

TEST_CASE("a load that fails counts as one that succeeds, and the next one is added to it") {
  LoadingTime loading;
  loading.begins(kStart);
  loading.ends(kStart + 2s);
  loading.begins(kStart + 20s);
  CHECK(loading.until(kStart + 25s) == 7s);
}

}  // namespace
}  // namespace rouse::daemon
