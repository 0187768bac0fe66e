#include <catch2/catch_test_macros.hpp>
#include <stdexcept>

#include "http/server.hpp"
#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;

TEST_CASE("an answer in pieces is chunked", "[http]") {
  World world;
  world.handler.function = stream_three;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 2; ++i) {
      co_await peer.send(get());
      const Message answer = co_await peer.message();
      CHECK(answer.whole);
      CHECK(answer.body == "one two three");
      CHECK(answer.field("Transfer-Encoding") == "chunked");
      CHECK_FALSE(answer.field("Content-Length"));
    }
  });
}

TEST_CASE("each piece leaves at once", "[http]") {
  World world;
  bool go_on = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    exchange.begin(200);
    co_await exchange.flush();
    co_await world.until([&] { return go_on; });
    go_on = false;
    co_await exchange.write("piece");
    co_await world.until([&] { return go_on; });
    co_await exchange.end();
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    co_await peer.until("\r\n\r\n");
    go_on = true;
    CHECK_AWAITED(co_await peer.until("piece\r\n"), == "5\r\npiece\r\n");
    go_on = true;
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == "0\r\n\r\n");
  });
}

TEST_CASE("HEAD is answered with the head of GET and no body", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/whole") return echo(exchange);
    return stream_three(exchange);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("HEAD /whole HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_AWAITED(co_await peer.message(true), .field("Content-Length") == "12");
    co_await peer.send("HEAD /pieces HTTP/1.1\r\nHost: test\r\n\r\n" + get("/whole"));
    CHECK_AWAITED(co_await peer.message(true), .status() == 200);
    CHECK_AWAITED(co_await peer.message(), .body == "GET /whole ");
  });
}

TEST_CASE("an answer without content has neither body nor framing", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> { co_await exchange.send(204, {}, ""); };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 2; ++i) {
      co_await peer.send(get());
      const Message answer = co_await peer.message();
      CHECK(answer.status() == 204);
      CHECK_FALSE(answer.field("Content-Length"));
      CHECK_FALSE(answer.field("Transfer-Encoding"));
    }
  });
}

TEST_CASE("a handler that fails to answer is answered for", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/throw") throw std::runtime_error("secret");
    if (exchange.path() == "/begin") exchange.begin(200);
    if (exchange.path() == "/short") {
      exchange.begin(200, 10);
      co_await exchange.write("12345");
      co_await exchange.end();
    }
    if (exchange.path() == "/open") {
      exchange.begin(200);
      co_await exchange.write("12345");
    }
    if (exchange.path() == "/open-throw") {
      exchange.begin(200);
      co_await exchange.write("12345");
      throw std::runtime_error("secret");
    }
  };
  world.run([&]() -> Task<void> {
    for (const std::string path : {"/throw", "/nothing", "/begin"}) {
      Peer peer = co_await world.client();
      co_await peer.send(get(path));
      const Message answer = co_await peer.message();
      CHECK(answer.status() == 500);
      CHECK_FALSE(answer.body.contains("secret"));
      co_await peer.send(get(path));  // the connection is in order
      CHECK_AWAITED(co_await peer.message(), .status() == 500);
    }
    for (const std::string path : {"/short", "/open", "/open-throw"}) {
      Peer peer = co_await world.client();
      co_await peer.send(get(path));
      const Message answer = co_await peer.message();
      CHECK(answer.status() == 200);
      CHECK(answer.body == "12345");
      CHECK_FALSE(answer.whole);
    }
  });
}

TEST_CASE("a header's value cannot start a line of its own", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> {
    co_await exchange.send(200, {{"X-A", "b\r\nX-Injected: c"}, {"X B", "c"}, {"X-C", "d"}}, "");
  };
  world.run([&]() -> Task<void> {
    const Message answer = co_await world.ask(get());
    CHECK_FALSE(answer.head.contains("Injected"));
    CHECK_FALSE(answer.head.contains("X B"));
    CHECK(answer.field("X-C") == "d");
  });
}
