#include "http/server.hpp"

#include <catch2/catch_test_macros.hpp>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;

namespace {

std::string chunked(const std::string& body, std::size_t size) {
  std::string bytes = "POST /post HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += size) {
    const std::string piece = body.substr(at, size);
    bytes += std::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }
  return bytes + "0\r\n\r\n";
}

std::string patterned(std::size_t size) {
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return body;
}

}  // namespace

TEST_CASE("a request is answered, and the next one on the same connection", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (int i = 0; i < 3; ++i) {
      co_await peer.send(post("body"));
      const Message answer = co_await peer.message();
      CHECK(answer.start == "HTTP/1.1 200 OK");
      CHECK(answer.body == "POST /post body");
      CHECK(answer.field("X-Peer") == "127.0.0.1");
      CHECK(answer.field("Date"));
      CHECK_FALSE(answer.field("Connection"));
    }
    CHECK(world.server.counts().accepted == 1);
    CHECK(world.server.counts().requests == 3);
  });
}

TEST_CASE("requests that are sent ahead are answered in order", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    std::string all;
    for (int i = 0; i < 200; ++i) all += post(std::format("body {}", i), "X-Filler: " + std::string(100, 'x') + "\r\n");
    co_await peer.send(all);
    for (int i = 0; i < 200; ++i) {
      const Message answer = co_await peer.message();
      REQUIRE(answer.body == std::format("POST /post body {}", i));
    }
  });
}

TEST_CASE("requests that arrive byte by byte are the same requests", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    const std::string all = get("/first") + post("second") + chunked("third", 2) + get("/fourth");
    for (const char c : all) co_await peer.send(std::string(1, c));
    CHECK_AWAITED(co_await peer.message(), .body == "GET /first ");
    CHECK_AWAITED(co_await peer.message(), .body == "POST /post second");
    CHECK_AWAITED(co_await peer.message(), .body == "POST /post third");
    CHECK_AWAITED(co_await peer.message(), .body == "GET /fourth ");
  });
}

TEST_CASE("what arrives while a handler waits is not lost", "[http]") {
  World world;
  int handled = 0;
  bool go_on = false;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    ++handled;
    co_await world.until([&] { return go_on; });
    co_await echo(exchange);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get("/first"));
    co_await world.until([&] { return handled == 1; });
    co_await peer.send(get("/second") + "GET /thi");
    co_await peer.send("rd HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK(handled == 1);
    go_on = true;
    CHECK_AWAITED(co_await peer.message(), .body == "GET /first ");
    CHECK_AWAITED(co_await peer.message(), .body == "GET /second ");
    CHECK_AWAITED(co_await peer.message(), .body == "GET /third ");
  });
}

TEST_CASE("a body of a megabyte comes and goes whole, with a length and in chunks", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    const std::string body = patterned(1 << 20);
    CHECK_AWAITED(co_await world.ask(post(body)), .body == "POST /post " + body);
    CHECK_AWAITED(co_await world.ask(chunked(body, 100)), .body == "POST /post " + body);
    CHECK_AWAITED(co_await world.ask(chunked(body, 100'000)), .body == "POST /post " + body);
    co_await world.until([&] { return world.server.counts().connections == 0; });
    CHECK(world.server.counts().buffered_bytes == 0);
  });
}

TEST_CASE("a body may be of any size around the buffers' own", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    for (std::size_t size = 3900; size < 4200; ++size) {
      const std::string body = patterned(size);
      co_await peer.send(size % 2 == 0 ? post(body) : chunked(body, 1000));
      CHECK_AWAITED(co_await peer.message(), .body == "POST /post " + body);
    }
  });
}

TEST_CASE("an HTTP/1.0 client is answered, and its connection closed", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/whole") return echo(exchange);
    return stream_three(exchange);
  };
  world.run([&]() -> Task<void> {
    Peer whole = co_await world.client();
    co_await whole.send("GET /whole HTTP/1.0\r\n\r\n");
    const std::string first = co_await whole.to_end();
    CHECK(first.ends_with("\r\n\r\nGET /whole "));
    CHECK(first.contains("Connection: close\r\n"));

    Peer pieces = co_await world.client();
    co_await pieces.send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string second = co_await pieces.to_end();
    CHECK(second.ends_with("\r\n\r\none two three"));
    CHECK_FALSE(second.contains("chunked"));
  });
}

TEST_CASE("a client that asks for the connection to be closed gets that", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(get("/", "Connection: close\r\n"));
    const std::string all = co_await peer.to_end();
    CHECK(all.contains("Connection: close\r\n"));
    CHECK(all.ends_with("GET / "));
  });
}

TEST_CASE("a client that expects it is told to continue, once and only when the body is wanted", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/refuse") co_return (void) co_await exchange.send(403, {}, "no");
    co_await echo(exchange);
  };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    CHECK_AWAITED(co_await peer.until("\r\n\r\n"), == "HTTP/1.1 100 Continue\r\n\r\n");
    co_await peer.send("body");
    CHECK_AWAITED(co_await peer.message(), .body == "POST /a body");

    // The body came along: nobody has to be told.
    co_await peer.send("POST /b HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
    CHECK_AWAITED(co_await peer.message(), .body == "POST /b body");

    // Refused: the answer comes instead, and since nobody can know whether the body follows, the end.
    co_await peer.send("POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    const std::string rest = co_await peer.to_end();
    CHECK(rest.starts_with("HTTP/1.1 403 "));
    CHECK_FALSE(rest.contains("100 Continue"));
  });
}

TEST_CASE("a refused request ends its connection, and what it smuggled is not handled", "[http]") {
  World world;
  std::vector<std::string> handled;
  world.handler.function = [&](Exchange& exchange) -> Task<void> {
    handled.emplace_back(exchange.target());
    co_await echo(exchange);
  };
  world.run([&]() -> Task<void> {
    const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";
    for (const std::string& lines : {
             std::string("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
             std::string("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
             std::string("Content-Length: 0\r\nContent-Length: 40\r\n\r\n"),
             std::string("Content-Length : 40\r\n\r\n"),
             std::string("X: y\nContent-Length: 40\r\n\r\n"),
             std::string("X: y\r\n folded\r\n\r\n"),
         }) {
      Peer peer = co_await world.client();
      co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\n" + lines + smuggled);
      const std::string all = co_await peer.to_end();
      CHECK(all.starts_with("HTTP/1.1 400 "));
      CHECK(all.contains("Connection: close\r\n"));
      CHECK(all.find("HTTP/1.1", 1) == std::string::npos);
    }
    CHECK(handled.empty());
    CHECK(world.server.counts().refused_heads == 6);
  });
}

TEST_CASE("a head that is refused is answered in the handler's words, or in plain text", "[http]") {
  World world;
  const std::string bad = get("/", "Content-Length: 10000000000000000000000000\r\n");
  world.run([&]() -> Task<void> {
    const Message plain = co_await world.ask(bad);
    CHECK(plain.status() == 400);
    CHECK(plain.field("Content-Type") == "text/plain");
    CHECK_FALSE(plain.body.empty());
    world.handler.refuse = [](const Handler::Unanswered& what) -> Handler::Refusal {
      CHECK(what.request == nullptr);
      CHECK(what.status == 400);
      return {.lines = "Content-Type: application/json\r\nX-Request-Id: 7\r\n",
              .body = std::format("[{}]", what.error.message)};
    };
    const Message worded = co_await world.ask(bad);
    CHECK(worded.status() == 400);
    CHECK(worded.field("Content-Type") == "application/json");
    CHECK(worded.field("X-Request-Id") == "7");
    CHECK(worded.body == "[" + plain.body.substr(0, plain.body.size() - 1) + "]");
    CHECK(worded.whole);
  });
}

TEST_CASE("bad chunks are malformed, and end the connection after the answer", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n" +
                       get());
    const std::string all = co_await peer.to_end();
    CHECK(all.starts_with("HTTP/1.1 400 "));
    CHECK(all.find("HTTP/1.1", 1) == std::string::npos);
  });
}

TEST_CASE("a body that the handler does not read is passed over", "[http]") {
  World world;
  world.handler.function = [](Exchange& exchange) -> Task<void> { co_await exchange.send(200, {}, exchange.target()); };
  world.run([&]() -> Task<void> {
    Peer peer = co_await world.client();
    co_await peer.send(post("GET /body HTTP/1.1\r\nHost: test\r\n\r\n") + get("/next"));
    CHECK_AWAITED(co_await peer.message(), .body == "/post");
    CHECK_AWAITED(co_await peer.message(), .body == "/next");
    // One that has not all arrived: the connection closes, since the rest cannot be told from a request.
    co_await peer.send(
        "POST /part HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nGET /body HTTP/1.1\r\nHost: test\r\n\r\n");
    const std::string rest = co_await peer.to_end();
    CHECK(rest.contains("Connection: close"));
    CHECK(rest.ends_with("/part"));
  });
}
