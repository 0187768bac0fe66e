#include "http/server.hpp"

#include <sys/stat.h>

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

// Answers with what it was asked.
Task<void> echo(Exchange& exchange) {
  const auto body = co_await exchange.read_body();
  if (!body) {
    co_await exchange.send(body.error().code == Code::too_large ? 413 : 400, {}, body.error().message);
    co_return;
  }
  std::string answer(exchange.method());
  answer.append(" ").append(exchange.target()).append(" ").append(*body);
  co_await exchange.send(200, {{"X-Peer", exchange.peer()}}, answer);
}

Task<void> stream_three(Exchange& exchange) {
  exchange.begin(200);
  exchange.append_field("Content-Type", "text/plain");
  co_await exchange.write("one ");
  co_await exchange.write("");
  co_await exchange.write("two ");
  co_await exchange.write("three");
  co_await exchange.end();
}

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
    world.handler.refuse = [&](const Error& error, const RequestHead* request) -> Handler::Refusal {
      CHECK(request == nullptr);
      return {.lines = "Content-Type: application/json\r\nX-Request-Id: 7\r\n",
              .body = std::format("[{}]", error.message)};
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

TEST_CASE("a Unix socket is for its owner alone, and leaves with its server", "[http]") {
  const auto folder = std::filesystem::temp_directory_path() / std::format("rouse-http-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = folder / "a.sock";
  {
    World world;
    world.handler.function = echo;
    const auto bound = world.server.listen(unix_address(path), world.handler);
    REQUIRE(bound);
    CHECK(*bound == unix_address(path));
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);

    SECTION("it answers") {
      world.run([&]() -> Task<void> {
        Peer peer = co_await World::connect(*bound);
        co_await peer.send(get());
        CHECK_AWAITED(co_await peer.message(), .field("X-Peer") == "unix");
      });
    }
    SECTION("its place is not taken while it lives") {
      World other;
      const auto second = other.server.listen(unix_address(path), other.handler);
      REQUIRE_FALSE(second);
      CHECK(second.error().code == Code::conflict);
      CHECK(std::filesystem::exists(path));
    }
  }
  CHECK_FALSE(std::filesystem::exists(path));

  SECTION("a dead server's place is taken") {
    {
      boost::asio::io_context io;
      boost::asio::local::stream_protocol::acceptor(io, boost::asio::local::stream_protocol::endpoint(path));
    }
    REQUIRE(std::filesystem::exists(path));
    World world;
    CHECK(world.server.listen(unix_address(path), world.handler));
  }
  SECTION("a file that is no socket is left alone") {
    std::ofstream(path) << "precious";
    World world;
    CHECK_FALSE(world.server.listen(unix_address(path), world.handler));
    CHECK(std::filesystem::exists(path));
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("a port that is taken is a conflict", "[http]") {
  World world;
  const auto second = world.server.listen(world.address, world.handler);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::conflict);
}

TEST_CASE("a listener can be closed alone", "[http]") {
  World world;
  world.handler.function = echo;
  world.run([&]() -> Task<void> {
    const Address second = world.server.listen(tcp_address("127.0.0.1", 0), world.handler).value();
    world.server.stop_listening(second);
    CHECK_AWAITED(co_await world.ask(get()), .status() == 200);
    boost::asio::ip::tcp::socket socket(world.io);
    boost::system::error_code error;
    socket.connect({boost::asio::ip::address_v4::loopback(), second.port}, error);
    CHECK(error == boost::asio::error::connection_refused);
  });
}
