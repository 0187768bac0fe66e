#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

int status_of(const Error& error) {
  switch (error.code) {
    case Code::too_large: return 413;
    case Code::unavailable: return 503;
    case Code::malformed: return 400;
    default: return 500;
  }
}

Task<void> count_body(Exchange& exchange) {
  const auto body = co_await exchange.read_body();
  co_await exchange.send(body ? 200 : status_of(body.error()), {}, body ? std::to_string(body->size()) : "");
}

}  // namespace

TEST_CASE("a head over the limit is refused, wherever it is cut", "[http]") {
  ServerLimits limits;
  limits.head_bytes = 8192;
  World world(limits);
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    const std::string fits = get("/", "X: " + std::string(8192 - 42, 'x') + "\r\n");
    REQUIRE(fits.size() <= 8192);
    CHECK_AWAITED(co_await world.ask(fits), .status() == 200);
    CHECK_AWAITED(co_await world.ask(get("/", "X: " + std::string(8192, 'x') + "\r\n")), .status() == 431);
    CHECK_AWAITED(co_await world.ask("GET /" + std::string(100'000, 'x')), .status() == 431);
  });
}

TEST_CASE("a body over the limit is refused before it is read, chunked ones as soon as they are over", "[http]") {
  ServerLimits limits;
  limits.body_bytes = 10'000;
  World world(limits);
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    CHECK_AWAITED(co_await world.ask(post(std::string(10'000, 'x'))), .body == "10000");
    const Message announced = co_await world.ask("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10001\r\n\r\n");
    CHECK(announced.status() == 413);
    CHECK(announced.field("Connection") == "close");
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n" +
                       std::string(10'001, 'x'));
    CHECK_AWAITED(co_await peer.message(), .status() == 413);
  });
}

TEST_CASE("a client that is still sending gets its refusal, not a reset", "[http]") {
  ServerLimits limits;
  limits.body_bytes = 10'000;
  World world(limits);
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(post(std::string(2'000'000, 'x')));  // more than the sockets hold
    CHECK_AWAITED(co_await peer.message(), .status() == 413);
    CHECK_AWAITED(co_await peer.to_end(), .empty());
  });
}

TEST_CASE("all bodies together stay within the shared budget", "[http]") {
  ServerLimits limits;
  limits.buffered_bytes = 100'000;
  World world(limits);
  int handled = 0;
  bool go_on = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    const auto body = co_await exchange.read_body();
    if (!body) co_return (void) co_await exchange.send(status_of(body.error()), {}, "");
    ++handled;
    co_await world.until([&] { return go_on; });
    co_await exchange.send(200, {}, "");
  };
  world.run([&]() -> Task<void> {
    Peer first = co_await world.client();
    co_await first.send(post(std::string(60'000, 'x')));
    co_await world.until([&] { return handled == 1; });
    CHECK(world.server.counts().buffered_bytes >= 60'000);
    CHECK_AWAITED(co_await world.ask(post(std::string(60'000, 'x'))), .status() == 503);
    CHECK_AWAITED(co_await world.ask("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" +
                                     std::string(50'000, 'x') + "\r\n0\r\n\r\n"),
                  .status() == 503);
    go_on = true;
    CHECK_AWAITED(co_await first.message(), .status() == 200);
    co_await first.send(get());  // the first body's bytes are free again
    CHECK_AWAITED(co_await first.message(), .status() == 200);
    CHECK_AWAITED(co_await world.ask(post(std::string(60'000, 'x'))), .status() == 200);
  });
}

TEST_CASE("an announced length alone takes no memory", "[http]") {
  World world;
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 60000000\r\n\r\nx");
    co_await world.until([&] { return world.server.counts().buffered_bytes > 0; });
    CHECK(world.server.counts().buffered_bytes <= 64 * 1024);
  });
}

TEST_CASE("at the cap the connection that has idled longest makes room", "[http]") {
  ServerLimits limits;
  limits.connections = 2;
  World world(limits);
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    Peer first = co_await world.client();
    Peer second = co_await world.client();
    co_await first.send(get());
    co_await first.message();  // the second has idled for longer now
    co_await world.until([&] { return world.server.counts().idle == 2; });
    Peer third = co_await world.client();
    co_await third.send(get());
    CHECK_AWAITED(co_await third.message(), .status() == 200);
    CHECK_AWAITED(co_await second.to_end(), .empty());
    co_await first.send(get());
    CHECK_AWAITED(co_await first.message(), .status() == 200);
  });
}

TEST_CASE("one address cannot take every connection, and at its own cap makes room among its own", "[http]") {
  ServerLimits limits;
  limits.connections = 100;
  limits.connections_per_address = 2;
  World world(limits);
  bool go_on = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/held") co_await world.until([&] { return go_on; });
    co_await exchange.send(200, {}, "");
  };
  world.run([&]() -> Task<void> {
    Peer held = co_await world.client();
    Peer idle = co_await world.client();
    co_await held.send(get("/held"));
    co_await world.until([&] { return world.server.counts().idle == 1; });
    Peer other = co_await world.client_from("127.0.0.2");  // counts for itself, and keeps its place
    co_await world.until([&] { return world.server.counts().connections == 3; });
    Peer third = co_await world.client();
    CHECK_AWAITED(co_await idle.to_end(), .empty());
    co_await third.send(get("/held"));
    co_await world.until([&] { return world.server.counts().idle == 1; });
    Peer fourth = co_await world.client();
    CHECK_AWAITED(co_await fourth.message(), .status() == 503);
    CHECK(world.server.counts().refused_connections == 1);
    co_await other.send(get());
    CHECK_AWAITED(co_await other.message(), .status() == 200);
    go_on = true;
    CHECK_AWAITED(co_await held.message(), .status() == 200);
    held.close();
    co_await world.until([&] { return world.server.counts().connections == 2; });
    CHECK_AWAITED(co_await world.ask(get()), .status() == 200);  // a place given back is free
  });
}

TEST_CASE("half a head keeps no place from a newcomer", "[http]") {
  ServerLimits limits;
  limits.connections = 2;
  World world(limits);
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    Peer first = co_await world.client();
    Peer second = co_await world.client();
    co_await first.send("GET / HT");
    co_await second.send("GET / HT");
    Peer third = co_await world.client();
    co_await third.send(get());
    CHECK_AWAITED(co_await third.message(), .status() == 200);
    CHECK_AWAITED(co_await first.to_end(), .empty());
    co_await second.send("TP/1.1\r\nHost: test\r\n\r\n");
    CHECK_AWAITED(co_await second.message(), .status() == 200);
  });
}

TEST_CASE("at the cap a newcomer is refused when nobody idles", "[http]") {
  ServerLimits limits;
  limits.connections = 1;
  World world(limits);
  bool go_on = false;
  int handled = 0;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    ++handled;
    co_await world.until([&] { return go_on; });
    co_await exchange.send(200, {}, "");
  };
  world.run([&]() -> Task<void> {
    Peer busy = co_await world.client();
    co_await busy.send(get());
    co_await world.until([&] { return handled == 1; });
    Peer refused = co_await world.client();
    CHECK_AWAITED(co_await refused.to_end(), .starts_with("HTTP/1.1 503 "));
    CHECK(world.server.counts().refused_connections == 1);
    go_on = true;
    CHECK_AWAITED(co_await busy.message(), .status() == 200);
  });
}

TEST_CASE("draining lets begun answers end and closes what idles", "[http]") {
  World world;
  bool go_on = false;
  int handled = 0;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    ++handled;
    exchange.begin(200);
    co_await exchange.write("begun ");
    co_await world.until([&] { return go_on; });
    co_await exchange.write("ended");
    co_await exchange.end();
  };
  world.run([&]() -> Task<void> {
    Peer idle = co_await world.client();
    Peer busy = co_await world.client();
    co_await busy.send(get());
    co_await world.until([&] { return handled == 1 && world.server.counts().connections == 2; });
    bool drained = false;
    boost::asio::co_spawn(world.io.get_executor(), world.server.drain(std::chrono::steady_clock::now() + 10s),
                          [&](const std::exception_ptr&) { drained = true; });
    CHECK_AWAITED(co_await idle.to_end(), .empty());
    boost::asio::ip::tcp::socket late(world.io);
    boost::system::error_code error;
    late.connect({boost::asio::ip::address_v4::loopback(), world.address.port}, error);
    CHECK(error);
    CHECK_FALSE(drained);
    go_on = true;
    const Message answer = co_await busy.message();
    CHECK(answer.whole);
    CHECK(answer.body == "begun ended");
    CHECK_AWAITED(co_await busy.to_end(), .empty());
    co_await world.until([&] { return drained; });
  });
}

TEST_CASE("draining cuts what is left at its deadline", "[http]") {
  World world;
  int handled = 0;
  int unwound = 0;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    ++handled;
    struct OnExit {
      int& count;
      ~OnExit() { ++count; }
    } on_exit{unwound};
    exchange.begin(200);
    co_await exchange.write("begun");
    co_await world.until([] { return false; });
  };
  world.run([&]() -> Task<void> {
    Peer busy = co_await world.client();
    co_await busy.send(get());
    co_await world.until([&] { return handled == 1; });
    co_await world.server.drain(std::chrono::steady_clock::now() + 20ms);
    CHECK(unwound == 1);
    CHECK(world.server.counts().connections == 0);
    {
      const auto seen = co_await busy.message();
      CHECK_FALSE(seen.whole);
    }
  });
}
