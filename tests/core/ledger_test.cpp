#include "core/ledger.hpp"

#include <catch2/catch_test_macros.hpp>
#include <vector>

namespace rouse::core {
namespace {

using namespace std::chrono_literals;

constexpr DeviceId kGpu{1};
constexpr ModelId kModel{1};
const TimePoint kStart{1000s};

Ledger with_gpu(Bytes total = gib(10), Bytes limit = gib(10), Bytes reserve = {}) {
  Ledger ledger;
  ledger.set_budget({kGpu, total, limit, reserve});
  return ledger;
}

Placement on_gpu(Bytes bytes) { return {{kGpu, bytes}}; }

DeviceMeasured attributed(Bytes used, std::vector<TreeBytes> trees, Bytes total = gib(10)) {
  return {.device = kGpu, .total = total, .used = used, .trees = std::move(trees)};
}
DeviceMeasured unattributed(Bytes used, Bytes total = gib(10)) {
  return {.device = kGpu, .total = total, .used = used, .trees = std::nullopt};
}

// Without calm: what others give back counts at once. True if anything has changed.
bool measure(Ledger& ledger, const DeviceMeasured& sample, bool frozen) {
  return ledger.measure(sample, frozen, kStart, Duration{}).changed;
}

TEST_CASE("a device nobody has named has nothing to give") {
  const Ledger ledger;
  CHECK(ledger.effective(kGpu) == Bytes{});
  CHECK(ledger.ever(kGpu) == Bytes{});
  CHECK(ledger.free(kGpu) == Bytes{});
}

TEST_CASE("the effective budget is the least of the limit and what others and the reserve leave") {
  Ledger ledger = with_gpu(gib(10), gib(8), gib(1));
  CHECK(ledger.ever(kGpu) == gib(8));
  CHECK(ledger.effective(kGpu) == gib(8));
  CHECK(measure(ledger, attributed(gib(4), {}), false));
  CHECK(ledger.effective(kGpu) == gib(5));
  CHECK(ledger.ever(kGpu) == gib(8));
  CHECK(measure(ledger, attributed(gib(12), {}), false));
  CHECK(ledger.effective(kGpu) == Bytes{});
}

TEST_CASE("a reserve larger than the limit leaves is what binds") {
  const Ledger ledger = with_gpu(gib(10), gib(8), gib(4));
  CHECK(ledger.ever(kGpu) == gib(6));
  CHECK(with_gpu(gib(2), gib(2), gib(4)).ever(kGpu) == Bytes{});
}

TEST_CASE("a sample that changes no figure says so") {
  Ledger ledger = with_gpu();
  CHECK(!measure(ledger, attributed({}, {}), false));
  CHECK(measure(ledger, attributed(gib(1), {}), false));
  CHECK(!measure(ledger, attributed(gib(1), {}), false));
}

TEST_CASE("a sample brings the device's total") {
  Ledger ledger = with_gpu(gib(10), gib(10));
  CHECK(measure(ledger, attributed({}, {}, gib(6)), false));
  CHECK(ledger.ever(kGpu) == gib(6));
}

TEST_CASE("rows are held whole on each of their devices, and over budget is negative") {
  Ledger ledger = with_gpu();
  ledger.set_budget({kHost, gib(4), gib(4), {}});
  ledger.hold(WorkerId{1}, kModel, {{kHost, gib(1)}, {kGpu, gib(6)}});
  CHECK(ledger.free(kHost) == gib(3));
  CHECK(ledger.free(kGpu) == gib(4));
  ledger.resize(WorkerId{1}, {{kHost, gib(5)}, {kGpu, gib(6)}});
  CHECK(ledger.free(kHost) == gib(-1));
  ledger.set_budget({kGpu, gib(10), gib(5), {}});
  CHECK(ledger.free(kGpu) == gib(-1));
}

TEST_CASE("a model may have an owed row beside a live one") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.owe(WorkerId{1}, kStart + 5s);
  ledger.hold(WorkerId{2}, kModel, on_gpu(gib(4)));
  CHECK(ledger.rows().size() == 2);
  CHECK(ledger.free(kGpu) == gib(3));
}

TEST_CASE("bytes stay held from the start until they are seen back, and come back once") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.owe(WorkerId{1}, kStart + 5s);
  CHECK(ledger.free(kGpu) == gib(7));
  const auto row = ledger.release(WorkerId{1});
  REQUIRE(row);
  CHECK(row->bytes == on_gpu(gib(3)));
  CHECK(row->phase == Phase::owed);
  CHECK(ledger.free(kGpu) == gib(10));
  CHECK(!ledger.release(WorkerId{1}));
  CHECK(ledger.free(kGpu) == gib(10));
}

TEST_CASE("owed bytes become unconfirmed at their bound, and still count") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.hold(WorkerId{2}, kModel, on_gpu(gib(2)));
  CHECK(ledger.next_bound() == kNever);
  ledger.owe(WorkerId{1}, kStart + 5s);
  ledger.owe(WorkerId{2}, kStart + 7s);
  CHECK(ledger.next_bound() == kStart + 5s);
  CHECK(ledger.expire(kStart + 5s - 1ns).empty());
  CHECK(ledger.expire(kStart + 5s) == std::vector{WorkerId{1}});
  CHECK(ledger.find(WorkerId{1})->phase == Phase::unconfirmed);
  CHECK(ledger.next_bound() == kStart + 7s);
  CHECK(ledger.free(kGpu) == gib(5));
}

TEST_CASE("a late return clears unconfirmed bytes") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.owe(WorkerId{1}, kStart);
  ledger.expire(kStart);
  CHECK(ledger.release(WorkerId{1}));
  CHECK(ledger.free(kGpu) == gib(10));
  CHECK(ledger.rows().empty());
}

TEST_CASE("what will not die stays held, and is owed once it has ended after all") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.give_up(WorkerId{1});
  CHECK(ledger.find(WorkerId{1})->phase == Phase::stuck);
  CHECK(ledger.expire(kStart + 24h).empty());
  ledger.owe(WorkerId{1}, kStart);
  CHECK(ledger.expire(kStart) == std::vector{WorkerId{1}});
}

TEST_CASE("others are what is used beyond our trees, the owed and the unconfirmed") {
  Ledger ledger = with_gpu(gib(20), gib(20));
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(3)));
  ledger.hold(WorkerId{2}, kModel, on_gpu(gib(2)));
  ledger.hold(WorkerId{3}, kModel, on_gpu(gib(1)));
  ledger.owe(WorkerId{2}, kStart + 5s);
  ledger.owe(WorkerId{3}, kStart);
  ledger.expire(kStart);
  // 4 by our tree (more than was planned), 2 owed, 1 unconfirmed, 5 by others
  measure(ledger, attributed(gib(12), {{WorkerId{1}, gib(4)}}, gib(20)), false);
  CHECK(ledger.devices().at(kGpu).others == gib(5));
  CHECK(ledger.effective(kGpu) == gib(15));
  CHECK(ledger.free(kGpu) == gib(9));
}

TEST_CASE("what a worker takes where it was given nothing counts like others'") {
  Ledger ledger = with_gpu();
  ledger.set_budget({kHost, gib(4), gib(4), {}});
  ledger.hold(WorkerId{1}, kModel, {{kHost, gib(1)}});
  measure(ledger, attributed(gib(5), {{WorkerId{1}, gib(5)}}), false);
  CHECK(ledger.devices().at(kGpu).others == gib(5));
  CHECK(ledger.free(kGpu) == gib(5));
}

TEST_CASE("a load that has not yet taken its bytes leaves no room to others") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(6)));
  measure(ledger, attributed(gib(1), {{WorkerId{1}, gib(1)}}), false);
  CHECK(ledger.devices().at(kGpu).others == Bytes{});
  CHECK(ledger.free(kGpu) == gib(4));
}

TEST_CASE("a sample with less in use than our trees and the unconfirmed shows that the difference is gone") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  ledger.hold(WorkerId{2}, kModel, on_gpu(gib(3)));
  ledger.hold(WorkerId{3}, kModel, on_gpu(gib(2)));
  for (const WorkerId gone : {WorkerId{2}, WorkerId{3}}) ledger.owe(gone, kStart);
  ledger.expire(kStart);

  SECTION("all of it") {
    CHECK(measure(ledger, attributed(gib(4), {{WorkerId{1}, gib(4)}}), false));
    CHECK(ledger.rows().size() == 1);
    CHECK(ledger.free(kGpu) == gib(6));
  }
  SECTION("some of it") {
    CHECK(measure(ledger, attributed(gib(5), {{WorkerId{1}, gib(4)}}), false));
    CHECK(ledger.free(kGpu) == gib(5));
    CHECK(ledger.devices().at(kGpu).others == Bytes{});
  }
  SECTION("none of it, while others hide it") {
    measure(ledger, attributed(gib(10), {{WorkerId{1}, gib(4)}}), false);
    CHECK(ledger.rows().size() == 3);
    CHECK(ledger.devices().at(kGpu).others == gib(1));
  }
}

TEST_CASE("a return after a sample has cleared the bytes gives nothing back twice") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  ledger.owe(WorkerId{1}, kStart);
  ledger.expire(kStart);
  measure(ledger, attributed({}, {}), false);
  CHECK(ledger.free(kGpu) == gib(10));
  CHECK(!ledger.release(WorkerId{1}));
  CHECK(ledger.free(kGpu) == gib(10));
}

TEST_CASE("a sample clears no bytes that are merely owed: those have their bound") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  ledger.owe(WorkerId{1}, kStart + 5s);
  measure(ledger, attributed({}, {}), false);
  CHECK(ledger.free(kGpu) == gib(6));
}

TEST_CASE("bytes unconfirmed on two devices are cleared on each by its own samples") {
  Ledger ledger = with_gpu();
  ledger.set_budget({kHost, gib(4), gib(4), {}});
  ledger.hold(WorkerId{1}, kModel, {{kHost, gib(1)}, {kGpu, gib(6)}});
  ledger.owe(WorkerId{1}, kStart);
  ledger.expire(kStart);
  measure(ledger, attributed({}, {}), false);
  CHECK(ledger.free(kGpu) == gib(10));
  CHECK(ledger.free(kHost) == gib(3));
  REQUIRE(ledger.find(WorkerId{1}));
  measure(ledger, {.device = kHost, .total = gib(4), .used = {}, .trees = std::vector<TreeBytes>{}}, false);
  CHECK(ledger.rows().empty());
}

TEST_CASE("a place in a group is no memory, and is given back with the last bytes that were unconfirmed") {
  Ledger ledger = with_gpu();
  ledger.set_budget({.device = kFirstGroup, .total = Bytes{1}, .limit = Bytes{1}, .reserve = {}});
  const Placement placement{{kGpu, gib(6)}, {kFirstGroup, Bytes{1}}};
  CHECK(total(placement) == gib(6));
  ledger.hold(WorkerId{1}, kModel, placement);
  ledger.owe(WorkerId{1}, kStart);
  ledger.expire(kStart);
  CHECK(ledger.free(kFirstGroup) == Bytes{});
  measure(ledger, attributed(gib(2), {}), false);
  CHECK(ledger.free(kFirstGroup) == Bytes{});
  measure(ledger, attributed({}, {}), false);
  CHECK(ledger.rows().empty());
  CHECK(ledger.free(kFirstGroup) == Bytes{1});
}

TEST_CASE("a place whose row holds no bytes comes free with the next sample, which says so") {
  Ledger ledger = with_gpu();
  ledger.set_budget({.device = kFirstGroup, .total = Bytes{1}, .limit = Bytes{1}, .reserve = {}});
  ledger.hold(WorkerId{1}, kModel, {{kGpu, Bytes{}}, {kFirstGroup, Bytes{1}}});
  ledger.owe(WorkerId{1}, kStart);
  ledger.expire(kStart);
  CHECK(measure(ledger, attributed({}, {}), false));
  CHECK(ledger.free(kFirstGroup) == Bytes{1});
}

TEST_CASE("where memory is not attributed others are what is used beyond the ledger") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  measure(ledger, unattributed(gib(7)), false);
  CHECK(ledger.devices().at(kGpu).others == gib(3));
  CHECK(ledger.free(kGpu) == gib(3));
  measure(ledger, unattributed(gib(2)), false);
  CHECK(ledger.devices().at(kGpu).others == Bytes{});
}

TEST_CASE("where memory is not attributed others are frozen while a worker there loads or stops") {
  Ledger ledger = with_gpu();
  measure(ledger, unattributed(gib(2)), false);
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  CHECK(!measure(ledger, unattributed(gib(3)), true));
  CHECK(ledger.devices().at(kGpu).others == gib(2));
  measure(ledger, unattributed(gib(6)), false);
  CHECK(ledger.devices().at(kGpu).others == gib(2));
}

TEST_CASE("where memory is not attributed our rows stand for our trees when unconfirmed bytes are gone") {
  Ledger ledger = with_gpu();
  ledger.hold(WorkerId{1}, kModel, on_gpu(gib(4)));
  ledger.hold(WorkerId{2}, kModel, on_gpu(gib(3)));
  ledger.owe(WorkerId{2}, kStart);
  ledger.expire(kStart);
  measure(ledger, unattributed(gib(7)), false);
  CHECK(ledger.free(kGpu) == gib(3));
  CHECK(!measure(ledger, unattributed(gib(4)), true));
  CHECK(ledger.free(kGpu) == gib(3));
  CHECK(measure(ledger, unattributed(gib(4)), false));
  CHECK(ledger.free(kGpu) == gib(6));
  CHECK(ledger.rows().size() == 1);
}

}  // namespace
}  // namespace rouse::core
