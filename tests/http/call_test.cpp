#include "http/call.hpp"

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

TimePoint in(Duration duration) { return std::chrono::steady_clock::now() + duration; }

// Takes a request and answers with `bytes`, then closes.
Upstream::Script answer_and_close(std::string bytes) {
  return [bytes](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send(bytes);
    peer.close();
  };
}

}  // namespace

TEST_CASE("a request goes out as it was meant", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    const Field fields[] = {{"Content-Type", "text/plain"}, {"X-Custom", "1"}};
    const auto answer = co_await request(
        world.pool, upstream.address(),
        {.method = "PUT", .target = "/a?b", .fields = fields, .extra = "X-Extra: 2\r\n", .body = "body"}, kNever, 1000);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == std::format("PUT /a?b HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nX-Custom: "
                                      "1\r\nX-Extra: 2\r\nContent-Length: 4\r\n\r\nbody",
                                      to_string(upstream.address())));
  });
}

TEST_CASE("what is the client's or the connection's own does not travel", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    const Field fields[] = {{"Host", "evil"},
                            {"Authorization", "Bearer key"},
                            {"X-API-Key", "key"},
                            {"api-key", "key"},
                            {"Cookie", "a=b"},
                            {"X-Rouse-Keep", "5m"},
                            {"X-Model", "chat"},
                            {"Expect", "100-continue"},
                            {"Connection", "close, X-Named"},
                            {"X-Named", "1"},
                            {"Keep-Alive", "1"},
                            {"TE", "trailers"},
                            {"Transfer-Encoding", "chunked"},
                            {"Content-Length", "99"},
                            {"Upgrade", "h2c"},
                            {"Proxy-Authorization", "key"},
                            {"Accept", "*/*"}};
    const auto dropped = co_await request(world.pool, upstream.address(), {.fields = fields}, kNever, 10'000);
    REQUIRE(dropped);
    CHECK(dropped->body ==
          std::format("GET / HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n\r\n", to_string(upstream.address())));
    const auto told = co_await request(
        world.pool, upstream.address(),
        {.host = "given", .fields = fields, .authorization = Credentials::forward, .cookies = Credentials::forward},
        kNever, 10'000);
    REQUIRE(told);
    CHECK(told->body ==
          "GET / HTTP/1.1\r\nHost: given\r\nAuthorization: Bearer key\r\nX-API-Key: key\r\napi-key: "
          "key\r\nCookie: a=b\r\nAccept: */*\r\n\r\n");
  });
}

TEST_CASE("an application is told of a body that is empty where its client says so", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    const Field said[] = {{"Content-Length", "0"}};
    const std::span<const Field> silent;
    for (const auto& [method, fields, length] :
         {std::tuple("DELETE", std::span<const Field>(said), true), std::tuple("DELETE", silent, false),
          std::tuple("POST", silent, true)}) {
      const auto answer =
          co_await request(world.pool, upstream.address(),
                           {.method = method, .fields = fields, .passing = Passing::everything}, kNever, 1000);
      REQUIRE(answer);
      CHECK(answer->body.contains("Content-Length: 0\r\n") == length);
    }
  });
}

TEST_CASE("no value splits a header", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    const Field split[] = {{"X-A", "b\r\nX-Injected: c"}};
    for (const Outgoing& outgoing :
         {Outgoing{.method = "GET /"}, Outgoing{.target = "/ HTTP/1.1\r\nX: "}, Outgoing{.target = ""},
          Outgoing{.host = "a\r\nb"}, Outgoing{.fields = split}, Outgoing{.extra = "X-A: b"},
          Outgoing{.extra = "X-A: b\r\n\r\n"}, Outgoing{.extra = "no field\r\n"}}) {
      const auto answer = co_await request(world.pool, upstream.address(), outgoing, kNever, 1000);
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code == Code::internal);
    }
  });
}

TEST_CASE("a request that nobody has read whole is told from one that somebody may have", "[http]") {
  const auto unseen_by = [](Upstream::Script script, Passing passing = Passing::inference) {
    World world;
    Upstream upstream(world.io, std::move(script));
    bool unseen = false;
    world.run([&]() -> Task<void> {
      Call call(world.pool, upstream.address());
      const auto head = co_await call.send({.method = "POST", .body = "body", .passing = passing});
      REQUIRE_FALSE(head);
      unseen = call.unseen();
    });
    return unseen;
  };
  CHECK(unseen_by([](Peer& peer, int) -> Task<void> {
    co_await peer.sip(1);
    peer.close();
  }));
  CHECK_FALSE(unseen_by(  // an application may have acted on what it has seen of it
      [](Peer& peer, int) -> Task<void> {
        co_await peer.sip(1);
        peer.close();
      },
      Passing::everything));
  CHECK_FALSE(unseen_by([](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    peer.close();
  }));
  CHECK_FALSE(unseen_by(answer_and_close("HTTP/1.1 200")));
  World world;
  world.run([&]() -> Task<void> {
    Call call(world.pool, unix_address("/nowhere/x.sock"));
    REQUIRE_FALSE(co_await call.send({}));
    CHECK(call.unseen());
  });
}

TEST_CASE("an upstream that is not there is said so", "[http]") {
  World world;
  world.run([&]() -> Task<void> {
    const auto answer = co_await request(world.pool, unix_address("/nowhere/x.sock"), {}, kNever, 1000);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::upstream_failed);
    CHECK(answer.error().context.contains("/nowhere/x.sock"));
    CHECK_FALSE(answer.error().message.contains("nowhere"));
  });
}

TEST_CASE("a name is resolved", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    const auto answer =
        co_await request(world.pool, tcp_address("localhost", upstream.address().port), {}, in(10s), 1000);
    REQUIRE(answer);
    CHECK(answer->status == 200);
  });
}

TEST_CASE("an answer that breaks off is not taken for whole", "[http]") {
  World world;
  const auto [what, bytes] = GENERATE(table<std::string, std::string>({
      {"in its head", "HTTP/1.1 200 OK\r\nContent-Le"},
      {"before a body with a length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"},
      {"in a body with a length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789"},
      {"in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123"},
      {"between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"},
      {"before the last line", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n"},
      {"in chunks that make no sense", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
      {"as no HTTP at all", "hello\r\n\r\n"},
      {"with an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
      {"with too large a head", "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')},
  }));
  INFO(what);
  Upstream upstream(world.io, answer_and_close(bytes));
  world.run([&]() -> Task<void> {
    const auto answer = co_await ask(world, upstream);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::upstream_failed);
  });
}

TEST_CASE("answers are read in every framing, in pieces of any size", "[http]") {
  World world;
  const auto [bytes, body] = GENERATE(table<std::string, std::string>({
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-T: 1\r\n\r\n", "hello"},
      {"HTTP/1.1 200 OK\r\n\r\nhello", "hello"},
      {"HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "5\r\n\r\nhello",
       "hello"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""},
  }));
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
      co_await peer.message();
      for (std::size_t at = 0; at < bytes.size(); at += at_once) co_await peer.send(bytes.substr(at, at_once));
      peer.close();
    });
    world.run([&]() -> Task<void> {
      const auto answer = co_await ask(world, upstream);
      REQUIRE(answer);
      CHECK(answer->body == body);
    });
    world.io.restart();
  }
}

TEST_CASE("HEAD is answered without a body", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      co_await peer.message();
      co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    }
  });
  world.run([&]() -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      const auto answer = co_await request(world.pool, upstream.address(), {.method = "HEAD"}, kNever, 1000);
      REQUIRE(answer);
      CHECK(answer->body.empty());
    }
    CHECK(upstream.connections() == 1);
  });
}

TEST_CASE("an answer larger than its limit is refused", "[http]") {
  World world;
  Upstream upstream(world.io, answer_and_close("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await request(world.pool, upstream.address(), {}, kNever, 5);
      CHECK(seen);
    }
    const auto answer = co_await request(world.pool, upstream.address(), {}, kNever, 4);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::too_large);
  });
}

TEST_CASE("a refusal that comes before the body is all sent is read", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    co_await peer.until("\r\n\r\n");  // and does not read on
    co_await peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch");
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    const std::string body(8 << 20, 'x');
    const auto answer =
        co_await request(world.pool, upstream.address(), {.method = "POST", .body = body}, kNever, 1000);
    REQUIRE(answer);
    CHECK(answer->status == 413);
    CHECK(answer->body == "much");
    CHECK(world.pool.idle(upstream.address()) == 0);
  });
}

TEST_CASE("a deadline ends the wait for the head, and for the body", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    const Message request = co_await peer.message();
    if (request.start.contains("/body")) co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    for (const std::string target : {"/head", "/body"}) {
      const auto answer = co_await request(world.pool, upstream.address(), {.target = target}, in(20ms), 1000);
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code == Code::deadline);
    }
    CHECK(world.pool.idle(upstream.address()) == 0);
  });
}

TEST_CASE("a deadline that has passed, or that is moved up, holds too", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> { co_await peer.to_end(); });
  world.run([&]() -> Task<void> {
    const auto late = co_await request(world.pool, upstream.address(), {}, in(-1s), 1000);
    REQUIRE_FALSE(late);
    CHECK(late.error().code != Code::internal);
    Call call(world.pool, upstream.address(), in(1h));
    call.set_deadline(in(20ms));
    const auto head = co_await call.send({});
    REQUIRE_FALSE(head);
    CHECK(head.error().code == Code::deadline);
  });
}

TEST_CASE("stop() ends a wait from outside", "[http]") {
  World world;
  int reached = 0;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    ++reached;
    co_await peer.to_end();
    ++reached;  // the connection is closed at once
  });
  world.run([&]() -> Task<void> {
    Call call(world.pool, upstream.address());
    std::optional<Result<const ResponseHead*>> head;
    boost::asio::co_spawn(world.io.get_executor(), call.send({}),
                          [&](const std::exception_ptr&, Result<const ResponseHead*> result) { head = result; });
    co_await world.until([&] { return reached == 1; });
    call.stop();
    co_await world.until([&] { return head.has_value() && reached == 2; });
    REQUIRE_FALSE(*head);
    CHECK(head->error().code == Code::unavailable);
  });
}
