// Proves that the oracle can see: each fault that the core can be given must be caught, under its own number.
// This executable has a core of its own, compiled with ROUSE_CORE_FAULTS.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <format>
#include <string>
#include <vector>

#include "core/fault.hpp"
#include "world.hpp"

namespace rouse::core::testing {
namespace {

struct Mutant {
  Fault fault;
  int invariant;
  const char* name;
};

constexpr std::array kMutants{
    Mutant{Fault::starts_twice, 1, "starts_twice"},
    Mutant{Fault::ignores_budget, 2, "ignores_budget"},
    Mutant{Fault::frees_on_exit, 3, "frees_on_exit"},
    Mutant{Fault::evicts_leased, 4, "evicts_leased"},
    Mutant{Fault::forgets_refusal, 5, "forgets_refusal"},
    Mutant{Fault::waits_past_deadline, 6, "waits_past_deadline"},
    Mutant{Fault::no_residency, 7, "no_residency"},
    Mutant{Fault::refuses_shortage, 8, "refuses_shortage"},
    Mutant{Fault::cancels_wanted_load, 9, "cancels_wanted_load"},
    Mutant{Fault::no_backoff, 10, "no_backoff"},
    Mutant{Fault::evicts_pinned, 11, "evicts_pinned"},
    Mutant{Fault::forgets_waiter, 12, "forgets_waiter"},
    Mutant{Fault::wakes_without_room, 2, "wakes_without_room"},
    Mutant{Fault::frees_on_sleep, 3, "frees_on_sleep"},
    Mutant{Fault::sleeps_leased, 4, "sleeps_leased"},
    Mutant{Fault::forgets_sleeper, 12, "forgets_sleeper"},
    Mutant{Fault::frees_on_lapse, 3, "frees_on_lapse"},
    Mutant{Fault::takes_reserved, 4, "takes_reserved"},
    Mutant{Fault::reserves_for_ever, 6, "reserves_for_ever"},
    Mutant{Fault::believes_at_once, 2, "believes_at_once"},
    Mutant{Fault::tries_for_ever, 10, "tries_for_ever"},
    Mutant{Fault::trims_for_ever, 12, "trims_for_ever"},
    Mutant{Fault::sleeps_again, 10, "sleeps_again"},
};

class Fallible {  // a fault that lasts as long as this does
 public:
  explicit Fallible(Fault fault) { active_fault = fault; }
  ~Fallible() { active_fault = Fault::none; }
  Fallible(const Fallible&) = delete;
  Fallible& operator=(const Fallible&) = delete;
};

std::vector<std::uint64_t> records(std::uint64_t seed) {
  Choices choices({});
  choices.begin(seed * 0x9e3779b97f4a7c15 + 1);
  std::vector<std::uint64_t> result(choices.between(5, 120));
  for (std::uint64_t& record : result) {
    record = choices.below(UINT32_MAX);
    record = record << 32 | choices.below(UINT32_MAX);
  }
  return result;
}

TEST_CASE("the oracle catches every fault of the core under its invariant's number") {
  constexpr std::uint64_t kHistories = 2'000;  // at most; a few suffice
  STATIC_REQUIRE(kMutants.size() == static_cast<std::size_t>(Fault::sleeps_again));
  for (const Mutant& mutant : kMutants) {
    DYNAMIC_SECTION("fault " << mutant.name << " breaks invariant " << mutant.invariant) {
      const Fallible fallible(mutant.fault);
      std::string others;
      std::uint64_t seed = 1;
      for (; seed <= kHistories; ++seed) {
        const std::vector<std::uint64_t> history = records(seed);
        World world(history);
        const auto violation = world.run();
        if (violation && violation->invariant == mutant.invariant) break;
        if (violation && others.size() < 2'000)
          others += std::format("{}: {}\n", violation->invariant, violation->what);
      }
      INFO("reported instead:\n" << others);
      CHECK(seed <= kHistories);
    }
  }
}

TEST_CASE("without a fault the same histories break nothing") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::vector<std::uint64_t> history = records(seed);
    World world(history);
    const auto violation = world.run();
    INFO("seed " << seed
                 << (violation ? std::format(", invariant {}: {}\n{}", violation->invariant, violation->what,
                                             world.history(200))
                               : ""));
    REQUIRE(!violation);
  }
}

}  // namespace
}  // namespace rouse::core::testing
