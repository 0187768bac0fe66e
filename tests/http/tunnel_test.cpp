// A program's own answers, passed on as they are, and connections that become another protocol's.
#include "http/tunnel.hpp"

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kUpgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: echo/1\r\nSec-Key: a b\r\n";
constexpr std::string_view kAgreed =
    "HTTP/1.1 101 Fine By Me\r\nUpgrade: echo/1\r\nConnection: Upgrade\r\nSec-Answer: c\r\n\r\n";

// A server whose handler passes everything to `upstream`, upgrades too.
struct Passed : World {
  explicit Passed(Upstream::Script script) : upstream(io, std::move(script)) {
    handler.function = [this](Exchange& exchange) { return pass_on(exchange); };
  }

  Task<void> pass_on(Exchange& exchange) {
    const auto body = co_await exchange.read_body();
    if (!body) co_return;
    Call call(pool, upstream.address());
    calling = &call;
    const auto head = co_await call.send({.method = exchange.method(),
                                          .target = exchange.target(),
                                          .host = exchange.request().host,
                                          .fields = exchange.request().fields,
                                          .body = *body,
                                          .upgrade = exchange.field("Upgrade").value_or(""),
                                          .passing = Passing::everything,
                                          .authorization = Credentials::forward,
                                          .cookies = Credentials::forward});
    if (!head) {
      co_await exchange.send(502, {}, head.error().message);
    } else if ((*head)->status == 101) {
      outcome = co_await tunnel(exchange, call);
    } else {
      outcome = co_await relay(exchange, call, {.passing = Passing::everything});
    }
    calling = nullptr;
  }

  Upstream upstream;
  Call* calling = nullptr;
  std::optional<RelayOutcome> outcome;
};

std::string asks_to_switch(std::string_view behind = "") {
  return std::format("GET /ws HTTP/1.1\r\nHost: app.example\r\n{}\r\n{}", kUpgrade, behind);
}

}  // namespace

TEST_CASE("an application's request and answer are passed on as they are", "[http]") {
  std::string asked;
  Passed world([&](Peer& peer, int) -> Task<void> {
    asked = (co_await peer.message()).head;
    co_await peer.send(
        "HTTP/1.1 404 NOT FOUND\r\nServer: Studio\r\nAccess-Control-Allow-Origin: *\r\nSet-Cookie: a\r\nSet-Cookie: "
        "b\r\n"
        "Keep-Alive: timeout=5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nno");
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(
        "GET /a?b HTTP/1.1\r\nHost: app.example\r\nAuthorization: Basic x\r\nCookie: c=d\r\nX-Model: "
        "m\r\nX-Rouse-Keep: 0\r\n"
        "TE: trailers\r\nConnection: X-Mine\r\nX-Mine: 1\r\n\r\n");
    const Message message = co_await peer.message();
    CHECK(message.head ==
          "HTTP/1.1 404 NOT FOUND\r\nServer: Studio\r\nAccess-Control-Allow-Origin: *\r\nSet-Cookie: a\r\nSet-Cookie: "
          "b\r\n"
          "Content-Length: 2\r\n\r\n");
    CHECK(message.body == "no");
    CHECK(asked ==
          "GET /a?b HTTP/1.1\r\nHost: app.example\r\nAuthorization: Basic x\r\nCookie: c=d\r\nX-Model: m\r\n"
          "X-Rouse-Keep: 0\r\n\r\n");
  });
}

TEST_CASE("after a switch of protocols bytes pass both ways, those that came early too", "[http]") {
  std::string asked;
  Passed world([&](Peer& peer, int) -> Task<void> {
    asked = (co_await peer.message()).head;
    co_await peer.send(std::string(kAgreed) + "welcome");
    CHECK_AWAITED(co_await peer.until("early"), .ends_with("early"));
    for (const std::string& said : {std::string("one"), std::string(300'000, 'x') + "|"}) {
      CHECK_AWAITED(co_await peer.until(said.substr(said.size() - 1)), == said);
      co_await peer.send(said);
    }
    co_await peer.send("bye");
    peer.close();
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(asks_to_switch("early"));
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == kAgreed);
    CHECK_AWAITED(co_await peer.until("welcome"), == "welcome");
    CHECK(asked.contains("Connection: Upgrade\r\nUpgrade: echo/1\r\n"));
    CHECK(asked.contains("Sec-Key: a b\r\n"));
    for (const std::string& said : {std::string("one"), std::string(300'000, 'x') + "|"}) {
      co_await peer.send(said);
      CHECK_AWAITED(co_await peer.until(said.substr(said.size() - 1)), == said);
    }
    CHECK_AWAITED(co_await peer.to_end(), == "bye");
    co_await world.until([&] { return world.outcome.has_value(); });
    CHECK(world.outcome->end == RelayEnd::finished);
    CHECK(world.outcome->status == 101);
  });
}

TEST_CASE("a client that leaves a tunnel closes it at the other end", "[http]") {
  bool closed = false;
  Passed world([&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send(std::string(kAgreed));
    CHECK_AWAITED(co_await peer.to_end(), == "last words");
    closed = true;
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(asks_to_switch());
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == kAgreed);
    co_await peer.send("last words");
    peer.close();
    co_await world.until([&] { return closed && world.calling == nullptr; });
  });
}

TEST_CASE("a tunnel can be stopped from outside", "[http]") {
  Passed world([](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send(std::string(kAgreed));
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(asks_to_switch());
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == kAgreed);
    world.calling->stop();
    CHECK_AWAITED(co_await peer.to_end(), == "");
    co_await world.until([&] { return world.outcome.has_value(); });
    CHECK(world.outcome->end == RelayEnd::stopped);
  });
}

TEST_CASE("an upstream that does not agree answers as usual, and the connection goes on", "[http]") {
  Passed world([](Peer& peer, int) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      co_await peer.message();
      co_await peer.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
    }
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 2; ++i) {
      co_await peer.send(asks_to_switch());
      const Message message = co_await peer.message();
      CHECK(message.status() == 426);
      CHECK(message.body == "no");
    }
    CHECK(world.upstream.connections() == 1);
  });
}

TEST_CASE("nobody switches protocols unasked", "[http]") {
  Passed world([](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send(std::string(kAgreed));
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    CHECK_AWAITED(co_await peer.message(), .status() == 502);
  });
}
