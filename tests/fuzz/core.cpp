// Feeds the scheduler whatever history a fuzzer makes of bytes: every eight are one turn of the hostile world
// (tests/core/world.hpp), and the oracle watches.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../core/world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostTurns = 400;
  std::vector<std::uint64_t> records(std::min(size / sizeof(std::uint64_t), kMostTurns));
  if (!records.empty()) std::memcpy(records.data(), data, records.size() * sizeof(std::uint64_t));
  rouse::core::testing::World world(records);
  const auto violation = world.run();
  if (!violation) return 0;
  std::fprintf(stderr, "invariant %d: %s\n%s", violation->invariant, violation->what.c_str(),
               world.history(400).c_str());
  std::abort();
}
