#include "api/event_ring.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace rouse::api {
namespace {

// Everything from there on, as a reader sees it.
std::string read(const EventRing<int>& ring, std::uint64_t last) {
  std::string text;
  while (const auto* next = ring.after(last)) {
    last = next->id;
    text += std::to_string(next->id) + "=" + std::to_string(next->value) + " ";
  }
  return text;
}

TEST_CASE("a reader finds what came after, in order") {
  EventRing<int> ring(4);
  CHECK(ring.after(0) == nullptr);
  ring.push(10) = 1;
  ring.push(12) = 2;
  ring.push(13) = 3;
  CHECK(read(ring, 0) == "10=1 12=2 13=3 ");
  CHECK(read(ring, 10) == "12=2 13=3 ");
  CHECK(read(ring, 11) == "12=2 13=3 ");
  CHECK(read(ring, 13).empty());
  CHECK_FALSE(ring.has_dropped_after(0));
}

TEST_CASE("a full ring drops the oldest and says so") {
  EventRing<int> ring(3);
  for (int i = 1; i <= 8; ++i) ring.push(static_cast<std::uint64_t>(10 * i)) = i;
  CHECK(read(ring, 0) == "60=6 70=7 80=8 ");
  CHECK(read(ring, 70) == "80=8 ");
  CHECK(ring.has_dropped_after(49));
  CHECK_FALSE(ring.has_dropped_after(50));
}

TEST_CASE("a slot is used again with the memory it has") {
  EventRing<std::string> ring(1);
  ring.push(1) = std::string(1000, 'x');
  const char* memory = ring.after(0)->value.data();
  std::string& again = ring.push(2);
  again = "short";
  CHECK(again.data() == memory);
}

}  // namespace
}  // namespace rouse::api
