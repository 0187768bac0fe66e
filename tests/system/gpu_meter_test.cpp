#include "system/gpu_meter.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>
#include <fstream>

using namespace rouse;
using namespace rouse::system;
namespace fs = std::filesystem;

namespace {

// The fake driver, and the file that says what its GPUs are.
struct Driver {
  fs::path file = fs::temp_directory_path() / std::format("rouse-test-driver-{}", ::getpid());
  Driver() { ::setenv("ROUSE_FAKE_DRIVER", file.c_str(), 1); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver() { fs::remove(file); }
  void is(const std::string& text) const { std::ofstream(file) << text; }
};

std::string gpu(std::string_view uuid, Bytes total, Bytes reserved = {}) {
  return std::format("gpu {} {} {} Some GPU\n", uuid, total.count, reserved.count);
}

}  // namespace

TEST_CASE("a machine without a driver library has no GPUs, and says that there is none") {
  GpuMeter meter("librouse-no-such-driver.so.1");
  const auto read = meter.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::not_found);
}

TEST_CASE("each GPU tells its memory, what the driver keeps included, and who holds it") {
  const Driver driver;
  driver.is(gpu("GPU-a", gib(8), mib(300)) + std::format("process {} {}\n", ::getpid(), gib(2).count) +
            gpu("GPU-b", gib(4)));
  GpuMeter meter(FAKE_DRIVER);
  const auto read = meter.read();
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  const Gpu& first = read->front();
  CHECK(first.uuid == "GPU-a");
  CHECK(first.name == "Some GPU");
  CHECK(first.unavailable.empty());
  CHECK(first.total == gib(8));
  CHECK(first.used == gib(2) + mib(300));
  REQUIRE(first.processes);
  REQUIRE(first.processes->size() == 1);
  CHECK(first.processes->front().bytes == gib(2));
  CHECK(first.processes->front().computes);
  CHECK(first.processes->front().line.at(0) == ::getpid());
  CHECK(first.processes->front().line.at(1) == ::getppid());
  CHECK((*read)[1].used == Bytes{});
  CHECK((*read)[1].processes->empty());
}

TEST_CASE("more processes than are asked for at first are all listed, and one that draws as well is counted once") {
  const Driver driver;
  std::string text = gpu("GPU-a", gib(8)) + std::format("graphics {} {}\n", ::getpid(), mib(7).count);
  text += std::format("process {} {}\n", ::getpid(), mib(7).count);
  text += std::format("graphics {} {}\n", ::getppid(), mib(1).count);
  driver.is(text);
  GpuMeter meter(FAKE_DRIVER);
  const auto read = meter.read();
  REQUIRE(read);
  REQUIRE(read->front().processes);
  REQUIRE(read->front().processes->size() == 2);
  CHECK(read->front().processes->front().bytes == mib(7));
  CHECK_FALSE(read->front().processes->back().computes);

  const fs::path holders = fs::temp_directory_path() / std::format("rouse-test-holders-{}", ::getpid());
  fs::create_directories(holders);
  std::ofstream(holders / std::to_string(::getpid())) << mib(3).count;
  for (int pid = 1; pid < 40; ++pid) text += std::format("process {} {}\n", 1, mib(pid).count);
  driver.is(text + std::format("holders {}\n", holders.string()));
  CHECK(meter.read()->front().processes->size() == 3);
  fs::remove_all(holders);
}

TEST_CASE("where a driver does not say whose memory it is, nothing is attributed") {
  const Driver driver;
  const std::string one = gpu("GPU-a", gib(8), mib(300));
  const std::string us = std::format("process {} {}\n", ::getpid(), gib(2).count);
  GpuMeter meter(FAKE_DRIVER);
  for (const std::string& text :
       {one + us + "mig\n", one + us + "without-bytes\n", one + us + "hidden\n", one + "loose 1000000000\n"}) {
    driver.is(text);
    INFO(text);
    const auto read = meter.read();
    REQUIRE(read);
    CHECK(read->front().unavailable.empty());
    CHECK_FALSE(read->front().processes);
  }
  driver.is(one + us + "loose 1000000000\n");
  CHECK(meter.read()->front().processes);
  driver.is(one + "loose 1000000\n");  // the driver's own
  CHECK(meter.read()->front().processes);
}

TEST_CASE("a GPU that fails is unavailable under its own name, and the others go on") {
  const Driver driver;
  driver.is(gpu("GPU-a", gib(8)) + gpu("GPU-b", gib(4)));
  GpuMeter meter(FAKE_DRIVER);
  REQUIRE(meter.read());
  driver.is(gpu("GPU-a", gib(8)) + "fails 15\n" + gpu("GPU-b", gib(4)));
  auto read = meter.read();
  REQUIRE(read);
  CHECK(read->front().unavailable == "GPU is lost");
  CHECK(read->front().uuid == "GPU-a");
  CHECK((*read)[1].unavailable.empty());
  driver.is(gpu("GPU-a", gib(8)));
  read = meter.read();
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK(read->front().unavailable.empty());
  CHECK((*read)[1].unavailable == "the driver does not list it any more");
}

TEST_CASE("a GPU keeps its place by its UUID, wherever the driver lists it") {
  const Driver driver;
  driver.is(gpu("GPU-a", gib(8)) + gpu("GPU-b", gib(4)));
  GpuMeter meter(FAKE_DRIVER);
  REQUIRE(meter.read());

  driver.is(gpu("GPU-b", gib(4)));
  auto read = meter.read();
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].uuid == "GPU-a");
  CHECK((*read)[0].unavailable == "the driver does not list it any more");
  CHECK((*read)[0].total == gib(8));
  CHECK((*read)[1].uuid == "GPU-b");
  CHECK((*read)[1].unavailable.empty());

  driver.is(gpu("GPU-c", gib(2)) + gpu("GPU-b", gib(4)) + gpu("GPU-a", gib(8)));
  read = meter.read();
  REQUIRE(read);
  REQUIRE(read->size() == 3);
  for (const auto& [at, uuid] : {std::pair(0, "GPU-a"), {1, "GPU-b"}, {2, "GPU-c"}}) {
    CAPTURE(uuid);
    CHECK((*read)[static_cast<std::size_t>(at)].uuid == uuid);
    CHECK((*read)[static_cast<std::size_t>(at)].unavailable.empty());
  }
}

TEST_CASE("a driver that does not start, or stops answering, is asked again the next time") {
  const Driver driver;
  driver.is("init 9\n" + gpu("GPU-a", gib(8)));
  GpuMeter meter(FAKE_DRIVER);
  auto read = meter.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::unavailable);
  CHECK(read.error().message == "Driver Not Loaded");
  driver.is(gpu("GPU-a", gib(8)));
  CHECK(meter.read());
  driver.is("count 15\n" + gpu("GPU-a", gib(8)));
  CHECK(meter.read().error().message == "GPU is lost");
  driver.is(gpu("GPU-a", gib(8)));
  CHECK(meter.read());
}

TEST_CASE("a list of nothing but processes that nobody can see is of another world") {
  const Driver driver;
  GpuMeter meter(FAKE_DRIVER, "/nowhere");
  driver.is(gpu("GPU-a", gib(8)) + std::format("process {} {}\n", ::getpid(), gib(2).count));
  CHECK_FALSE(meter.read()->front().processes);
}
