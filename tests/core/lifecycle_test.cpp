#include "core/lifecycle.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace rouse::core;

namespace {

const char* const kDocument = ROUSE_DOCS "/lifecycle.md";

}  // namespace

TEST_CASE("docs/lifecycle.md is what the transition table says; UPDATE_DOCS=1 writes it anew") {
  if (std::getenv("UPDATE_DOCS") != nullptr) std::ofstream(kDocument) << lifecycle_document();
  std::stringstream written;
  written << std::ifstream(kDocument).rdbuf();
  CHECK(written.str() == lifecycle_document());
}

TEST_CASE("every stage can be reached from cold, and cold from every stage") {
  const auto reach = [](Stage from) {
    std::set<Stage> seen{from};
    for (bool grew = true; grew;) {
      grew = false;
      for (const Edge& edge : edges()) grew |= seen.contains(edge.from) && seen.insert(edge.to).second;
    }
    return seen;
  };
  CHECK(reach(Stage::cold).size() == 9);
  for (const Stage stage : {Stage::loading, Stage::ready, Stage::draining, Stage::sleeping, Stage::asleep,
                            Stage::waking, Stage::stopping, Stage::failed})
    CHECK(reach(stage).contains(Stage::cold));
}

TEST_CASE("an edge that the table does not have is not legal") {
  CHECK(legal(Stage::cold, Trigger::start, Stage::loading));
  CHECK_FALSE(legal(Stage::cold, Trigger::loaded, Stage::ready));
  CHECK_FALSE(legal(Stage::ready, Trigger::exited, Stage::cold));
  CHECK_FALSE(legal(Stage::stopping, Trigger::undrain, Stage::ready));
}

TEST_CASE("no edge is listed twice") {
  std::set<std::tuple<Stage, Trigger, Stage>> seen;
  for (const Edge& edge : edges()) CHECK(seen.emplace(edge.from, edge.trigger, edge.to).second);
}
