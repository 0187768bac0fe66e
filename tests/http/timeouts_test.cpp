#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <format>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

// Time-outs that pass at once; what a test does not try to time out keeps its own.
ServerLimits quick() {
  ServerLimits limits;
  limits.tick = 5ms;
  return limits;
}

}  // namespace

TEST_CASE("a head that does not end in time is answered 408", "[http]") {
  ServerLimits limits = quick();
  limits.head_time = 20ms;
  World world(limits);
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("GET / HTTP/1.1\r\nHost: te");
    const Message answer = co_await peer.message();
    CHECK(answer.status() == 408);
    CHECK(answer.field("Connection") == "close");
    CHECK(answer.body == "the request's head did not arrive in time; send it again\n");
    CHECK_AWAITED(co_await peer.to_end(), .empty());
    CHECK(world.server.counts().timed_out == 1);
  });
}

TEST_CASE("a head's time does not begin anew with each byte", "[http]") {
  ServerLimits limits = quick();
  limits.head_time = 50ms;
  World world(limits);
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    bool open = true;
    for (int i = 0; open && i < 100'000; ++i) {
      open = co_await peer.try_send("GET / HTTP/1.1"[i < 14 ? i : 13] == ' ' ? " " : "x");
      co_await world.until([] { return true; });
      open = open && world.server.counts().timed_out == 0;
    }
    CHECK(world.server.counts().timed_out == 1);
  });
}

TEST_CASE("a body that stops arriving is answered 408, and its handler is cancelled", "[http]") {
  ServerLimits limits = quick();
  limits.body_idle = 20ms;
  World world(limits);
  bool unwound = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    struct OnExit {
      bool& flag;
      ~OnExit() { flag = true; }
    } on_exit{unwound};
    const auto body = co_await exchange.read_body();
    FAIL("read_body() came back");
  };
  world.handler.refuse = [](const Handler::Unanswered& what) -> Handler::Refusal {
    CHECK(what.status == 408);
    CHECK(what.error.code == Code::request_timeout);
    return {.lines = {}, .body = std::format("{}: {}\n", what.request->path, what.error.message)};
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST /there HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345");
    const Message answer = co_await peer.message();
    CHECK(answer.status() == 408);
    CHECK(answer.field("Connection") == "close");
    CHECK(answer.body == "/there: the request's body did not arrive in time; send it again\n");
    CHECK_AWAITED(co_await peer.to_end(), .empty());
    co_await world.until([&] { return unwound; });
    CHECK(world.server.counts().timed_out == 1);
  });
}

TEST_CASE("a body that drips is cut, though no byte is late", "[http]") {
  ServerLimits limits = quick();
  limits.body_idle = 50ms;
  limits.slowest = std::size_t{1} << 40;
  World world(limits);
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    bool open = true;
    while (open && world.server.counts().timed_out == 0) open = co_await peer.try_send("x");
    CHECK(world.server.counts().timed_out == 1);
  });
}

TEST_CASE("a body that is slow but fast enough arrives", "[http]") {
  ServerLimits limits = quick();
  limits.body_idle = 30ms;
  limits.slowest = 1;  // each byte earns a second
  World world(limits);
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      co_await world.until([&] { return std::chrono::steady_clock::now() - begun > 10ms; });
      co_await peer.send("x");
    }
    CHECK_AWAITED(co_await peer.message(), .body == "POST / xxxxxxxxxx");
  });
}

TEST_CASE("a client that sips is cut, though it always takes something", "[http]") {
  ServerLimits limits = quick();
  limits.write_idle = 50ms;
  limits.slowest = std::size_t{1} << 40;
  World world(limits);
  std::optional<Delivery> delivery;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    const std::string all(std::size_t{64} << 20, 'x');
    exchange.begin(200, all.size());
    delivery = co_await exchange.write(all);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    while (!delivery) {
      co_await peer.sip(std::size_t{64} << 10);
      const auto sipped = std::chrono::steady_clock::now();
      co_await world.until([&] { return std::chrono::steady_clock::now() - sipped > 1ms; });
    }
    CHECK(delivery == Delivery::client_gone);
    CHECK(world.server.counts().timed_out == 1);
  });
}

TEST_CASE("a connection that idles too long is closed without a word", "[http]") {
  ServerLimits limits = quick();
  limits.keep_alive = 20ms;
  World world(limits);
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer never = co_await world.client();
    Peer once = co_await world.client();
    co_await once.send(get());
    CHECK_AWAITED(co_await once.message(), .status() == 200);
    CHECK_AWAITED(co_await never.to_end(), .empty());
    CHECK_AWAITED(co_await once.to_end(), .empty());
    CHECK(world.server.counts().timed_out == 2);
  });
}

TEST_CASE("a client that takes nothing is cut", "[http]") {
  ServerLimits limits = quick();
  limits.write_idle = 20ms;
  World world(limits);
  std::optional<Delivery> delivery;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    exchange.begin(200);
    const std::string piece(1 << 20, 'x');
    do delivery = co_await exchange.write(piece);
    while (delivery == Delivery::sent);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    co_await world.until([&] { return delivery == Delivery::client_gone; });
    CHECK(world.server.counts().timed_out == 1);
    co_await world.until([&] { return world.server.counts().connections == 0; });
  });
}

TEST_CASE("a slow handler is nobody's time-out", "[http]") {
  ServerLimits limits = quick();
  limits.head_time = limits.body_idle = limits.write_idle = limits.keep_alive = 10ms;
  World world(limits);
  const auto begun = std::chrono::steady_clock::now();
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    co_await world.until([&] { return std::chrono::steady_clock::now() - begun > 100ms; });
    co_await exchange.send(200, {}, "");
  };
  world.run([&]() -> Task<void> { CHECK_AWAITED(co_await world.ask(get()), .status() == 200); });
}
