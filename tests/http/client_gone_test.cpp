#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

struct Watch {
  int begun = 0;
  int unwound = 0;
};

class Unwinding {
 public:
  explicit Unwinding(Watch& watch) : watch_(watch) { ++watch_.begun; }
  ~Unwinding() { ++watch_.unwound; }
  Unwinding(const Unwinding&) = delete;

 private:
  Watch& watch_;
};

Task<void> wait_for_ever(Exchange& exchange, Watch& watch) {
  const Unwinding unwinding(watch);
  if (const auto body = co_await exchange.read_body(); !body) co_return;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1h);
  co_await timer.async_wait(boost::asio::deferred);
}

}  // namespace

TEST_CASE("a client whose end comes in one with its request is noticed", "[http]") {
  Watch watch;
  World world({.tick = 10ms});
  world.handler.function = [&](Exchange& exchange) {
    return exchange.path() == "/answer" ? echo(exchange) : wait_for_ever(exchange, watch);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    SECTION("while it is handled") {
      peer.send_last(get());
      co_await world.until([&] { return watch.unwound == 1; });
    }
    SECTION("behind more than is taken in ahead") {
      co_await peer.send(get());
      co_await world.until([&] { return watch.begun == 1; });
      co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n" + std::string(40'000, 'x'));
      peer.close();
      co_await world.until([&] { return watch.unwound == 1; });
    }
    SECTION("once it is answered") {
      peer.send_last(get("/answer"));
      CHECK_AWAITED(co_await peer.to_end(), .starts_with("HTTP/1.1 200"));
    }
    co_await world.until([&] { return world.server.counts().connections == 0; });
  });
}

TEST_CASE("a client that leaves cancels its handler", "[http]") {
  World world;
  Watch watch;
  world.handler.function = [&](Exchange& exchange) { return wait_for_ever(exchange, watch); };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    SECTION("by closing, after a request without a body") {
      co_await peer.send(get());
      co_await world.until([&] { return watch.begun == 1; });
      peer.close();
    }
    SECTION("by closing, after a small body") {
      co_await peer.send(post("body"));
      co_await world.until([&] { return watch.begun == 1; });
      peer.close();
    }
    SECTION("by closing, after a large body") {
      co_await peer.send(post(std::string(1'000'000, 'x')));
      co_await world.until([&] { return world.server.counts().buffered_bytes >= 1'000'000; });
      peer.close();
    }
    SECTION("with a reset") {
      co_await peer.send(get());
      co_await world.until([&] { return watch.begun == 1; });
      peer.reset();
    }
    SECTION("with requests sent ahead") {
      co_await peer.send(get());
      co_await world.until([&] { return watch.begun == 1; });
      co_await peer.send(get("/second") + get("/third"));
      peer.close();
    }
    SECTION("in the middle of its body") {
      co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n123");
      co_await world.until([&] { return watch.begun == 1; });
      peer.close();
    }
    co_await world.until([&] { return watch.unwound == 1; });
    co_await world.until([&] { return world.server.counts().connections == 0; });
    CHECK(watch.begun == 1);
    CHECK(world.server.counts().clients_gone == 1);
    CHECK(world.server.counts().buffered_bytes == 0);
  });
}

TEST_CASE("a client that leaves between requests disturbs nobody", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> { co_await exchange.send(200, {}, "ok"); };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    co_await peer.message();
    peer.close();
    co_await world.until([&] { return world.server.counts().connections == 0; });
    CHECK(world.server.counts().clients_gone == 0);
  });
}

TEST_CASE("writing to a client that has left says so", "[http]") {
  World world;
  std::optional<Delivery> delivery;
  bool left = false;
  bool cancelled = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    exchange.begin(200);
    co_await exchange.write("begun");
    try {
      const std::string piece(100'000, 'x');
      do delivery = co_await exchange.write(piece);
      while (delivery == Delivery::sent);
    } catch (const boost::system::system_error&) {
      cancelled = true;
    }
    left = exchange.client_gone();
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    co_await peer.until("begun");
    peer.reset();
    co_await world.until([&] { return left; });
    CHECK((cancelled || delivery == Delivery::client_gone));
  });
}

TEST_CASE("a world that ends while requests wait leaves nothing behind", "[http]") {
  // What is checked here is that the sanitizers find nothing.
  Watch watch;
  {
    World world;
    world.handler.function = [&](Exchange& exchange) { return wait_for_ever(exchange, watch); };
    world.run([&]() -> Task<void> {
      std::vector<Peer> peers;
      for (int i = 0; i < 3; ++i) {
        peers.push_back(co_await world.client());
        co_await peers.back().send(get());
        co_await world.until([&] { return watch.begun == i + 1; });
      }
    });
  }
  CHECK(watch.unwound == watch.begun);
}
