#include "http/call.hpp"

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <vector>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

TEST_CASE("a connection is used again once its answer is whole", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    CHECK(upstream.connections() == 1);
    CHECK(world.pool.idle(upstream.address()) == 1);
    {
      Call unfinished(world.pool, upstream.address());
      {
        const auto seen = co_await unfinished.send({});
        REQUIRE(seen);
      }
      CHECK(world.pool.idle(upstream.address()) == 0);
    }
    CHECK(world.pool.idle(upstream.address()) == 0);
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    CHECK(upstream.connections() == 2);
  });
}

TEST_CASE("closing what idles leaves calls alone, and does not take their connections back", "[http]") {
  World world;
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    {
      Call under_way(world.pool, upstream.address());
      {
        const auto seen = co_await under_way.send({});
        REQUIRE(seen);
      }
      {
        const auto seen = co_await request(world.pool, upstream.address(), {}, kNever, 1000);
        REQUIRE(seen);
      }
      CHECK(world.pool.idle(upstream.address()) == 1);
      world.pool.close_idle(upstream.address());
      CHECK(world.pool.idle(upstream.address()) == 0);
      {
        const auto seen = co_await under_way.read_all(1000);
        CHECK(seen);
      }
    }
    CHECK(world.pool.idle(upstream.address()) == 0);
  });
}

TEST_CASE("an idle connection that the upstream closes leaves the pool at once", "[http]") {
  World world;
  bool close = false;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    co_await world.until([&] { return close; });
    peer.close();
  });
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    CHECK(world.pool.idle(upstream.address()) == 1);
    close = true;
    co_await world.until([&] { return world.pool.idle(upstream.address()) == 0; });
  });
}

TEST_CASE("an idle connection on which the upstream speaks unasked is not used again", "[http]") {
  World world;
  bool speak = false;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    co_await world.until([&] { return speak; });
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned");
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    speak = true;
    co_await world.until([&] { return world.pool.idle(upstream.address()) == 0; });
  });
}

TEST_CASE("bytes behind a whole answer keep its connection out of the pool", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    const auto answer = co_await ask(world, upstream);
    REQUIRE(answer);
    CHECK(answer->body == "ok");
    CHECK(world.pool.idle(upstream.address()) == 0);
  });
}

TEST_CASE("a request that meets a dying pooled connection is sent again, once", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int number) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
    const Message second = co_await peer.message();
    if (number == 0) co_return peer.close();  // takes the request and dies
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
  });
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    const auto answer = co_await ask(world, upstream);
    REQUIRE(answer);
    CHECK(answer->body == "first");  // by the second connection
    CHECK(upstream.connections() == 2);
  });
}

TEST_CASE("an application is asked twice only for what may be done twice, or what it has not read", "[http]") {
  enum class Second { read, shut_down, closed };  // what becomes of the second request on the first connection
  struct Case {
    Upstream::Listens listens;
    Second second;
    std::string_view method;
    bool answered;
    int connections;
  };
  constexpr auto kPort = Upstream::Listens::port, kSocket = Upstream::Listens::socket;
  const auto c = GENERATE_COPY(from_range(std::vector<Case>{
      {kSocket, Second::read, "POST", false, 1},      // it may have done it
      {kSocket, Second::read, "PUT", true, 2},        // twice is as good as once
      {kSocket, Second::shut_down, "POST", true, 2},  // as llama-server's and other thread-a-connection servers end one
      {kSocket, Second::closed, "POST", true, 2},
      {kPort, Second::read, "POST", true, 2},  // on a connection of its own from the start
      {kPort, Second::read, "GET", true, 2},
  }));
  CAPTURE(c.listens, c.second, c.method);
  World world;
  int calls = 0;
  bool asked = false;
  Upstream upstream(
      world.io,
      [&](Peer& peer, int number) -> Task<void> {
        co_await peer.message();
        co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
        if (number > 0) co_return co_await peer.sip(1);
        if (c.second == Second::read) co_await peer.message();
        if (c.second != Second::read) co_await world.until([&] { return asked; });
        if (c.second == Second::shut_down) {
          peer.shut_down();
          co_return;
        }
        peer.close();
      },
      c.listens);
  world.run([&]() -> Task<void> {
    const auto ask = [&](std::string_view method) -> Task<bool> {
      Call call(world.pool, upstream.address());
      auto sending = call.send({.method = method, .body = "body", .passing = Passing::everything});
      boost::asio::post(world.io, [&] { asked = ++calls == 2; });
      const auto head = co_await std::move(sending);
      co_return head.has_value();
    };
    CHECK_AWAITED(co_await ask("GET"), == true);
    CHECK_AWAITED(co_await ask(c.method), == c.answered);
    CHECK(upstream.connections() == c.connections);
  });
}

TEST_CASE("a request is not sent again once something of an answer came", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
    co_await peer.message();
    co_await peer.send("HTTP/1.1 2");
    peer.close();
  });
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    const auto answer = co_await ask(world, upstream);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::upstream_failed);
    CHECK(upstream.connections() == 1);
  });
}

TEST_CASE("a request is not sent again after a fresh connection failed", "[http]") {
  World world;
  Upstream upstream(world.io, [](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    peer.close();
  });
  world.run([&]() -> Task<void> {
    const auto answer = co_await ask(world, upstream);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::upstream_failed);
    CHECK(upstream.connections() == 1);
  });
}

TEST_CASE("connections that idle too long are closed", "[http]") {
  World world({}, {.idle_time = 20ms});
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    {
      const auto seen = co_await ask(world, upstream);
      REQUIRE(seen);
    }
    CHECK(world.pool.idle(upstream.address()) == 1);
    co_await world.until([&] { return world.pool.idle(upstream.address()) == 0; });
  });
}

TEST_CASE("no more connections idle than are allowed", "[http]") {
  World world({}, {.idle_per_upstream = 2});
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    int ended = 0;
    for (int i = 0; i < 5; ++i) {
      boost::asio::co_spawn(
          world.io.get_executor(), ask(world, upstream),
          [&](const std::exception_ptr&, const Result<Answer>& answer) { ended += answer.has_value(); });
    }
    co_await world.until([&] { return ended == 5; });
    CHECK(upstream.connections() == 5);
    CHECK(world.pool.idle(upstream.address()) == 2);
  });
}
