#include "http/relay.hpp"

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

// A server whose handler relays everything to `upstream`.
struct Relayed : World {
  // However slow the machine is, no request is taken for one that queues behind a connection of ours.
  explicit Relayed(Upstream::Script script, ServerLimits limits = {})
      : World(limits, {.queue_patience = 20s}), upstream(io, std::move(script)) {
    handler.function = [this](Exchange& exchange) { return pass_on(exchange); };
  }

  Task<void> pass_on(Exchange& exchange) {
    const auto body = co_await exchange.read_body();
    if (!body) co_return;
    Call call(pool, upstream.address(), deadline);
    const auto head = co_await call.send(
        {.method = exchange.method(), .target = exchange.target(), .fields = exchange.request().fields, .body = *body});
    if (!head) {
      failed = head.error();
      co_await exchange.send(head.error().code == Code::deadline ? 504 : 502, {}, head.error().message);
      co_return;
    }
    outcome = co_await relay(exchange, call, {.extra = "X-Extra: yes\r\n", .tap = tap});
    if (after) co_await after(exchange);
  }

  Upstream upstream;
  TimePoint deadline = kNever;
  Tap* tap = nullptr;
  std::function<Task<void>(Exchange&)> after;
  std::optional<RelayOutcome> outcome;
  std::optional<Error> failed;
};

Upstream::Script answer(std::string bytes, std::size_t at_once = std::string::npos) {
  return [bytes, at_once](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::string piece = bytes.substr(at, at_once);
      at += piece.size();
      co_await peer.send(piece);
    }
    peer.close();
  };
}

std::string patterned(std::size_t size) {
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return body;
}

Task<void> append_event(Exchange& exchange) {
  if (!exchange.appendable()) co_return;
  co_await exchange.write("event: error\n\n");
  co_await exchange.end();
}

}  // namespace

TEST_CASE("an answer is passed on with its head and body, and ours added", "[http]") {
  Relayed world(
      answer("HTTP/1.1 201 Fine\r\nContent-Type: text/plain\r\nServer: test\r\naccess-control-Allow-Origin: "
             "*\r\nx-extra: theirs\r\nConnection: X-Hop\r\nX-Hop: "
             "1\r\nKeep-Alive: 5\r\nDate: then\r\nContent-Length: 5\r\n\r\nhello"));
  world.run([&]() -> Task<void> {
    const Message message = co_await world.ask(get());
    CHECK(message.start == "HTTP/1.1 201 Created");
    CHECK(message.body == "hello");
    CHECK(message.field("Content-Length") == "5");
    CHECK(message.field("Content-Type") == "text/plain");
    CHECK_FALSE(message.field("Server"));
    CHECK_FALSE(message.field("Access-Control-Allow-Origin"));
    CHECK(message.field("X-Extra") == "yes");
    CHECK(message.field("Date") == "then");
    CHECK_FALSE(message.field("X-Hop"));
    CHECK_FALSE(message.field("Keep-Alive"));
    CHECK_FALSE(message.field("Connection"));
    CHECK(world.outcome->end == RelayEnd::finished);
    CHECK(world.outcome->status == 201);
    CHECK(world.outcome->bytes == 5);
    CHECK(world.outcome->first_byte != kNever);
  });
}

TEST_CASE("every framing arrives whole, in pieces of any size", "[http]") {
  const std::string bytes =
      GENERATE(as<std::string>{}, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n9;x\r\nllo world\r\n0\r\nT: 1\r\n\r\n",
               "HTTP/1.1 200 OK\r\n\r\nhello world", "HTTP/1.0 200 OK\r\n\r\nhello world");
  const std::size_t at_once = GENERATE(1u, 2u, 7u, 1000u);
  Relayed world(answer(bytes, at_once));
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 2; ++i) {  // the client's connection stays in order
      co_await peer.send(get());
      const Message message = co_await peer.message();
      CHECK(message.whole);
      CHECK(message.body == "hello world");
      CHECK(message.field("Content-Length").has_value() == bytes.contains("Content-Length"));
      CHECK(world.outcome->end == RelayEnd::finished);
      CHECK(world.outcome->bytes == 11);
    }
  });
}

TEST_CASE("an HTTP/1.0 client is relayed to without chunks", "[http]") {
  Relayed world(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"));
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("GET / HTTP/1.0\r\n\r\n");
    CHECK_AWAITED(co_await peer.to_end(), .ends_with("\r\n\r\nhello"));
  });
}

TEST_CASE("a megabyte passes in both directions", "[http]") {
  Relayed world([](Peer& peer, int) -> Task<void> {
    while (true) {
      const Message request = co_await peer.message();
      if (!request.whole) co_return;
      if (request.body.front() == 'a') {
        co_await peer.send(
            std::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", request.body.size(), request.body));
      } else {
        co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (std::size_t at = 0; at < request.body.size(); at += 777) {
          const std::string piece = request.body.substr(at, 777);
          co_await peer.send(std::format("{:x}\r\n{}\r\n", piece.size(), piece));
        }
        co_await peer.send("0\r\n\r\n");
      }
    }
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (const char first : {'a', 'b'}) {
      const std::string body = first + patterned(1 << 20);
      co_await peer.send(post(body));
      const Message message = co_await peer.message();
      CHECK(message.whole);
      CHECK(message.body == body);
    }
    CHECK(world.upstream.connections() == 1);
  });
}

TEST_CASE("each piece is passed on as it comes, the head too", "[http]") {
  int step = 0;
  Relayed* self = nullptr;
  Relayed world([&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    co_await self->until([&] { return step == 1; });
    co_await peer.send("5\r\nfirst\r\n");
    co_await self->until([&] { return step == 2; });
    co_await peer.send("6\r\nsecond\r\n0\r\n\r\n");
  });
  self = &world;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), .contains("X-Extra: yes"));
    step = 1;
    CHECK_AWAITED(co_await peer.until("first\r\n"), == "5\r\nfirst\r\n");
    step = 2;
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == "6\r\nsecond\r\n0\r\n\r\n");
  });
}

TEST_CASE("a tap sees the bytes that pass", "[http]") {
  struct Collect final : Tap {
    std::string seen;
    void on_bytes(std::string_view bytes) override { seen.append(bytes); }
  } collect;
  Relayed world(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 3));
  world.tap = &collect;
  world.run([&]() -> Task<void> {
    CHECK_AWAITED(co_await world.ask(get()), .body == "hello");
    CHECK(collect.seen == "hello");
  });
}

TEST_CASE("HEAD, and answers without a body, are passed on", "[http]") {
  Relayed world([](Peer& peer, int) -> Task<void> {
    while (true) {
      const Message request = co_await peer.message();
      if (!request.whole) co_return;
      const std::string status = request.start.contains("/304") ? "304 Not Modified" : "200 OK";
      co_await peer.send(std::format("HTTP/1.1 {}\r\nContent-Length: 5\r\n\r\n", status));
    }
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_AWAITED(co_await peer.message(true), .field("Content-Length") == "5");
    co_await peer.send(get("/304"));
    CHECK_AWAITED(co_await peer.message(), .status() == 304);
    co_await peer.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_AWAITED(co_await peer.message(true), .status() == 200);
    CHECK(world.upstream.connections() == 1);
  });
}

TEST_CASE("a failure before anything was sent is the caller's to answer", "[http]") {
  Relayed world(answer("HTTP/1.1 200 OK\r\nContent-"));
  world.run([&]() -> Task<void> {
    CHECK_AWAITED(co_await world.ask(get()), .status() == 502);
    CHECK(world.failed->code == Code::upstream_failed);
    CHECK_FALSE(world.outcome);
  });
}

TEST_CASE("an answer that breaks off can be ended with a word of the caller's", "[http]") {
  const std::string bytes = GENERATE(as<std::string>{}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nhello",
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense");
  Relayed world(answer(bytes));
  world.after = append_event;
  world.run([&]() -> Task<void> {
    const Message message = co_await world.ask(get());
    CHECK(message.whole);
    CHECK(message.body == (bytes.contains("hello") ? "helloevent: error\n\n" : "event: error\n\n"));
    CHECK(world.outcome->end == RelayEnd::broken);
    CHECK(world.outcome->error.code == Code::upstream_failed);
  });
}

TEST_CASE("an answer with a length that breaks off is cut, so that the client sees it", "[http]") {
  Relayed world(answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"));
  world.after = append_event;
  world.run([&]() -> Task<void> {
    const Message message = co_await world.ask(get());
    CHECK_FALSE(message.whole);
    CHECK(message.body == "hello");
    CHECK(world.outcome->end == RelayEnd::broken);
  });
}

TEST_CASE("a deadline in mid-answer stops the relay and leaves the stream open", "[http]") {
  bool closed = false;
  Relayed world([&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    co_await peer.to_end();
    closed = true;
  });
  world.deadline = std::chrono::steady_clock::now() + 50ms;
  world.after = append_event;
  world.run([&]() -> Task<void> {
    const Message message = co_await world.ask(get());
    CHECK(message.whole);
    CHECK(message.body == "helloevent: error\n\n");
    CHECK(world.outcome->end == RelayEnd::stopped);
    CHECK(world.outcome->error.code == Code::deadline);
    co_await world.until([&] { return closed; });
  });
}

TEST_CASE("a client that leaves has the upstream's connection closed at once", "[http]") {
  int requests = 0;
  int closed = 0;
  const bool answering = GENERATE(false, true);
  Relayed world([&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    ++requests;
    if (answering) co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    co_await peer.to_end();
    ++closed;
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(post("body"));
    co_await world.until([&] { return requests == 1; });
    if (answering) co_await peer.until("hello");
    peer.close();
    co_await world.until([&] { return closed == 1; });
    co_await world.until([&] { return world.server.counts().connections == 0; });
    if (answering) CHECK(world.outcome->end == RelayEnd::client_gone);
    CHECK(world.pool.idle(world.upstream.address()) == 0);
  });
}

TEST_CASE("a client that takes nothing holds the upstream back, and both are freed when it leaves", "[http]") {
  bool closed = false;
  std::size_t sent = 0;
  Relayed world([&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string piece(100'000, 'x');
    while (co_await peer.try_send(piece)) sent += piece.size();
    closed = true;
  });
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get());
    co_await peer.until("\r\n\r\n");
    // The sockets are full once nothing moves any more.
    std::size_t before = 0;
    int still = 0;
    co_await world.until([&] {
      still = sent == before ? still + 1 : 0;
      before = sent;
      return sent > 0 && still > 100;
    });
    CHECK_FALSE(closed);
    peer.reset();
    co_await world.until([&] { return closed; });
    CHECK(world.outcome->end == RelayEnd::client_gone);
  });
}

TEST_CASE("a stream that has begun has only the body appended", "[http]") {
  Relayed world(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Upstream: 1\r\n\r\nhello"));
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    exchange.begin(200);
    exchange.append_field("Content-Type", "text/event-stream");
    co_await exchange.write(": loading\n\n");
    co_await world.pass_on(exchange);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 2; ++i) {
      co_await peer.send(get());
      const Message message = co_await peer.message();
      CHECK(message.whole);
      CHECK(message.body == ": loading\n\nhello");
      CHECK_FALSE(message.field("X-Upstream"));
      CHECK(world.outcome->end == RelayEnd::finished);
    }
  });
}

TEST_CASE("many clients at once each get their own answer", "[http]") {
  Relayed world([](Peer& peer, int) -> Task<void> {
    while (true) {
      const Message request = co_await peer.message();
      if (!request.whole) co_return;
      co_await peer.send(
          std::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", request.body.size(), request.body));
    }
  });
  world.run([&]() -> Task<void> {
    int right = 0;
    const auto one = [&](int number) -> Task<void> {
      Peer peer = co_await world.client();
      for (int i = 0; i < 20; ++i) {
        const std::string body =
            std::format("{}/{} ", number, i) + patterned(static_cast<std::size_t>(number * i * 10));
        co_await peer.send(post(body));
        right += (co_await peer.message()).body == body;
      }
    };
    for (int number = 0; number < 50; ++number) {
      boost::asio::co_spawn(world.io.get_executor(), one(number), boost::asio::detached);
    }
    co_await world.until([&] { return right == 1000; });
    CHECK(world.upstream.connections() <= 50);
  });
}
