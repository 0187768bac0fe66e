#include "base/nearest.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace rouse {
namespace {

constexpr std::array<std::string_view, 6> kKeys{"context", "parallel", "preload", "pinned", "keep", "concurrency"};
using Names = std::vector<std::string_view>;

TEST_CASE("a typing error finds the name that was meant") {
  CHECK(nearest_names("contxt", kKeys) == Names{"context"});    // lost
  CHECK(nearest_names("contextt", kKeys) == Names{"context"});  // inserted
  CHECK(nearest_names("cintext", kKeys) == Names{"context"});   // wrong
  CHECK(nearest_names("ocntext", kKeys) == Names{"context"});   // swapped
  CHECK(nearest_names("CONTEXT", kKeys) == Names{"context"});
}

TEST_CASE("nothing is suggested for a name that is nothing like any") {
  CHECK(nearest_names("temperature", kKeys).empty());
  CHECK(nearest_names("", kKeys).empty());
  CHECK(nearest_names("x", kKeys).empty());
  CHECK(nearest_names(std::string(1'000'000, 'c'), kKeys).empty());
}

TEST_CASE("the nearest comes first, equals in the order of the alphabet, and no more than asked for") {
  constexpr std::array<std::string_view, 4> names{"chat-c", "chat-a", "chat-b", "chatt"};
  CHECK(nearest_names("chat", names) == Names{"chatt", "chat-a", "chat-b"});
  CHECK(nearest_names("chat", names, 1) == Names{"chatt"});
  CHECK(nearest_names("chat", names, 0).empty());
}

TEST_CASE("the beginning or the end of a long name finds it") {
  constexpr std::array<std::string_view, 2> names{"qwen3-4b-instruct-q4_k_m", "org/llama-3.2-1b"};
  CHECK(nearest_names("qwen3", names) == Names{"qwen3-4b-instruct-q4_k_m"});
  CHECK(nearest_names("llama-3.2-1b", names) == Names{"org/llama-3.2-1b"});
  CHECK(nearest_names("qwen3-4b-instruct-q4_k_m:latest", names) == Names{"qwen3-4b-instruct-q4_k_m"});
}

TEST_CASE("a name that is there twice is suggested once") {
  constexpr std::array<std::string_view, 2> names{"keep", "keep"};
  CHECK(nearest_names("kep", names) == Names{"keep"});
}

TEST_CASE("the question reads well") {
  constexpr std::array<std::string_view, 3> names{"aab", "aac", "aad"};
  CHECK(did_you_mean("contxt", kKeys) == "did you mean \"context\"?");
  CHECK(did_you_mean("aax", names, 2) == "did you mean \"aab\" or \"aac\"?");
  CHECK(did_you_mean("aax", names) == "did you mean \"aab\", \"aac\" or \"aad\"?");
  CHECK(did_you_mean("temperature", kKeys).empty());
}

}  // namespace
}  // namespace rouse
