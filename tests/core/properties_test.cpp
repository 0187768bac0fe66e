// The twelve invariants as properties of random histories. RC_PARAMS="seed=…" repeats a run.
#include <rapidcheck.h>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <format>
#include <iostream>
#include <string>
#include <vector>

#include "world.hpp"

namespace rouse::core::testing {
namespace {

// At least so many steps in all histories together, and then more until every edge has been taken often enough. A
// sanitizer's build does fewer steps and leaves the count of edges to the others.
#ifdef ROUSE_CORE_STEPS
constexpr std::uint64_t kSteps = ROUSE_CORE_STEPS;
constexpr std::uint64_t kTimesPerEdge = 0;
#else
constexpr std::uint64_t kSteps = 120'000;
constexpr std::uint64_t kTimesPerEdge = 100;
#endif
constexpr std::uint64_t kMostSteps = 20 * kSteps;

rc::Gen<std::vector<std::uint64_t>> histories() {
  const auto record = rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>()));
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, 250), [record](std::size_t turns) {
    return rc::gen::resize(static_cast<int>(turns), rc::gen::container<std::vector<std::uint64_t>>(record));
  });
}

std::string rare_edges(const EdgeCounts& counts) {
  std::string rare;
  for (const Edge& edge : core::edges()) {
    const auto it = counts.find({edge.from, edge.trigger, edge.to});
    const std::uint64_t count = it == counts.end() ? 0 : it->second;
    if (count < kTimesPerEdge)
      rare += std::format("{} --{}-> {}: {} times\n", name(edge.from), name(edge.trigger), name(edge.to), count);
  }
  return rare;
}

TEST_CASE("the twelve invariants hold over random histories, and every edge of the lifecycle is taken 100 times") {
  EdgeCounts edges;
  std::uint64_t steps = 0;
  for (std::uint64_t round = 0; steps < kSteps || (steps < kMostSteps && !rare_edges(edges).empty()); ++round) {
    const bool held = rc::check("a random history breaks no invariant", [&] {
      std::vector<std::uint64_t> records = *histories();
      for (std::uint64_t& record : records) record += round * 0x9e3779b97f4a7c15;  // each round draws the same
      World world(records);
      const auto violation = world.run();
      steps += world.steps();
      for (const auto& [edge, count] : world.edge_counts()) edges[edge] += count;
      if (violation)
        RC_FAIL(std::format("invariant {}: {}\n{}", violation->invariant, violation->what, world.history(400)));
    });
    REQUIRE(held);
  }
  for (const auto& [edge, count] : edges) {
    const auto& [from, trigger, to] = edge;
    std::cout << std::format("{:>9} {} --{}-> {}\n", count, name(from), name(trigger), name(to));
  }
  std::cout << std::format("{:>9} steps\n", steps);
  CHECK(rare_edges(edges) == "");
}

}  // namespace
}  // namespace rouse::core::testing
