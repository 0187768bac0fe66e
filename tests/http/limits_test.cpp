#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <format>

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

// Time-outs that pass at once; what a test does not try to time out keeps its own.
ServerLimits quick() {
  ServerLimits limits;
  limits.tick = 5ms;
  return limits;
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
  world.handler.refuse = [](const Error& error, const RequestHead* request) -> Handler::Refusal {
    CHECK(error.code == Code::request_timeout);
    return {.lines = {}, .body = std::format("{}: {}\n", request->path, error.message)};
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
  world.handler.function = count_body;
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
  world.handler.function = count_body;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      co_await world.until([&] { return std::chrono::steady_clock::now() - begun > 10ms; });
      co_await peer.send("x");
    }
    CHECK_AWAITED(co_await peer.message(), .body == "10");
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
  world.handler.function = count_body;
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
