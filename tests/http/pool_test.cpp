#include "http/call.hpp"

#include <unistd.h>

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <format>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;
using namespace std::chrono_literals;

namespace {

// Serves one connection at a time, each until it is closed.
struct OneAtATime {
  World& world;
  bool busy = false;
  Task<void> operator()(Peer& peer, int) {
    co_await world.until([&] { return !busy; });
    busy = true;
    while ((co_await peer.message()).whole) co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    busy = false;
  }
};

// Asks as an application is asked; true when it answers.
Task<bool> pass(World& world, const Upstream& upstream, std::string_view method, const LinkOwner* owner = nullptr) {
  Call call(world.pool, upstream.address());
  const auto head = co_await call.send({.method = method, .owner = owner, .passing = Passing::everything});
  co_return head.has_value();
}

// All in turn, of a server that serves one connection at a time.
void take_turns(World& world, std::initializer_list<std::pair<std::string_view, const LinkOwner*>> requests) {
  OneAtATime script{world};
  Upstream upstream(world.io, [&](Peer& peer, int number) { return script(peer, number); });
  world.run([&]() -> Task<void> {
    for (const auto& [method, owner] : requests) CHECK_AWAITED(co_await pass(world, upstream, method, owner), == true);
    CHECK(world.pool.idle(upstream.address()) == 1);
  });
}

Task<void> ask_five_at_once(World& world, const Upstream& upstream) {
  int ended = 0;
  for (int i = 0; i < 5; ++i) {
    boost::asio::co_spawn(
        world.io.get_executor(), ask(world, upstream),
        [&](const std::exception_ptr&, const Result<Answer>& answer) { ended += answer.has_value(); });
  }
  co_await world.until([&] { return ended == 5; });
}

}  // namespace

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

TEST_CASE("an application is asked once for what must not be done twice", "[http]") {
  struct Case {
    std::string_view method;
    Passing passing;
    int times;  // the second request is read, and its connection closed
  };
  for (const auto& [method, passing, times] :
       {Case{"POST", Passing::everything, 1}, Case{"PATCH", Passing::everything, 1},
        Case{"PUT", Passing::everything, 2}, Case{"GET", Passing::everything, 2},
        Case{"POST", Passing::inference, 2}}) {
    CAPTURE(method);
    World world;
    int read = 0;
    Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
      while ((co_await peer.message()).whole) {
        if (++read == 2) co_return peer.close();
        co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
      }
    });
    world.run([&]() -> Task<void> {
      const auto ask = [&](std::string_view what) -> Task<bool> {
        Call call(world.pool, upstream.address());
        const auto head = co_await call.send({.method = what, .passing = passing});
        co_return head.has_value();
      };
      CHECK_AWAITED(co_await ask("GET"), == true);
      CHECK_AWAITED(co_await ask(method), == (times == 2));
    });
    CHECK(read == 1 + times);
  }
}

TEST_CASE("the connections of an owner are for it alone, and end with it", "[http]") {
  World world;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    while ((co_await peer.message()).whole) co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  world.run([&]() -> Task<void> {
    const auto post = [&](const LinkOwner* owner) -> Task<int> {
      CHECK_AWAITED(co_await pass(world, upstream, "POST", owner), == true);
      co_return upstream.connections();
    };
    std::optional<LinkOwner> one(world.pool);
    const LinkOwner other(world.pool);
    CHECK_AWAITED(co_await post(&*one), == 1);
    CHECK_AWAITED(co_await post(&other), == 2);
    CHECK_AWAITED(co_await post(&*one), == 2);
    CHECK_AWAITED(co_await post(&other), == 2);
    CHECK_AWAITED(co_await post(nullptr), == 3);
    CHECK(world.pool.idle(upstream.address()) == 3);
    one.reset();
    CHECK(world.pool.idle(upstream.address()) == 2);
    CHECK_AWAITED(co_await post(&other), == 3);
  });
}

TEST_CASE("what must not be done twice is not sent again when its owner's connection ends", "[http]") {
  World world;
  int read = 0;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    while ((co_await peer.message()).whole) {
      if (++read == 2) co_return peer.close();
      co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    }
  });
  world.run([&]() -> Task<void> {
    const LinkOwner owner(world.pool);
    for (const bool answered : {true, false}) {
      Call call(world.pool, upstream.address());
      const auto head = co_await call.send({.method = "POST", .owner = &owner, .passing = Passing::everything});
      CHECK(head.has_value() == answered);
      CHECK_FALSE(call.unseen());
      CHECK(call.met_the_end() == !answered);
    }
  });
  CHECK(read == 2);
  CHECK(upstream.connections() == 1);
}

TEST_CASE("a connection whose request may have been refused unread is used for no other client", "[http]") {
  struct Case {
    std::string_view answer;
    std::string_view body;
    std::size_t kept;
  };
  const auto [answer, body, kept] =
      GENERATE(Case{"401 Unauthorized", "GET /x HTTP/1.1", 0}, Case{"301 Moved Permanently", "x", 0},
               Case{"401 Unauthorized", "", 1}, Case{"200 OK", "x", 1});
  World world;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    co_await peer.send(std::format("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", answer));
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    {
      Call call(world.pool, upstream.address());
      const auto head = co_await call.send({.method = "POST", .body = body});
      CHECK(head.has_value());
    }
    CHECK(world.pool.idle(upstream.address()) == kept);
  });
}

TEST_CASE("a server that closes without a word is asked anew each time", "[http]") {
  World world;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    co_await peer.message();
    peer.send_last("HTTP/1.1 204 No Content\r\n\r\n");
    co_await peer.to_end();
  });
  world.run([&]() -> Task<void> {
    const LinkOwner owner(world.pool);
    for (const std::string_view method : {"POST", "POST", "GET", "POST"})
      CHECK_AWAITED(co_await pass(world, upstream, method, &owner), == true);
  });
  CHECK(upstream.connections() == 4);
}

TEST_CASE("a kept connection that ends in one with an answer does not hold up the next request for long", "[http]") {
  World world({}, {.queue_patience = 20ms});
  int asked = 0;
  Upstream upstream(world.io, [&](Peer& peer, int) -> Task<void> {
    for (; (co_await peer.message()).whole; ++asked) {
      if (asked == 1)
        peer.send_last("HTTP/1.1 204 No Content\r\n\r\n");  // and what comes then is read and forgotten
      else
        co_await peer.try_send("HTTP/1.1 204 No Content\r\n\r\n");
    }
  });
  world.run([&]() -> Task<void> {
    for (int i = 0; i < 3; ++i) CHECK_AWAITED((co_await ask(world, upstream)).has_value(), == true);
    CHECK(upstream.connections() == 2);
  });
}

TEST_CASE("a server of one connection at a time answers what needs a connection of its own", "[http]") {
  World world;
  take_turns(world, {{"GET", nullptr}, {"POST", nullptr}, {"POST", nullptr}, {"GET", nullptr}});
}

TEST_CASE("what the daemon has asked holds up no owner", "[http]") {
  World world({}, {.queue_patience = 1h});
  const LinkOwner client(world.pool);
  take_turns(world, {{"GET", nullptr}, {"GET", &client}});
}

TEST_CASE("owners take turns with a server of one connection at a time", "[http]") {
  World world({}, {.queue_patience = 20ms});
  const LinkOwner one(world.pool);
  const LinkOwner other(world.pool);
  take_turns(world, {{"POST", &one}, {"POST", &other}, {"POST", &one}, {"POST", &other}});
}

TEST_CASE("requests that wait long for a server of one connection at a time are given ours that idle", "[http]") {
  World world({}, {.queue_patience = 20ms});
  OneAtATime script{world};
  Upstream upstream(world.io, [&](Peer& peer, int number) { return script(peer, number); });
  world.run([&]() -> Task<void> {
    co_await ask_five_at_once(world, upstream);
    CHECK(upstream.connections() == 5);
    CHECK(world.pool.idle(upstream.address()) == 1);
    CHECK_AWAITED((co_await ask(world, upstream)).has_value(), == true);
    CHECK(upstream.connections() == 5);
  });
}

TEST_CASE("while a request that was read waits long for its answer, connections are kept", "[http]") {
  World world({}, {.queue_patience = 200ms});
  bool answer = false;
  const auto script = [&](Peer& peer, int number) -> Task<void> {
    while ((co_await peer.message()).whole) {
      if (number == 0) co_await world.until([&] { return answer; });
      co_await peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    }
  };
  const auto path = std::filesystem::temp_directory_path() / std::format("rouse-pool-{}.sock", ::getpid());
  std::filesystem::remove(path);
  Upstream upstream(world.io, script, path.string());
  world.run([&]() -> Task<void> {
    bool ended = false;
    boost::asio::co_spawn(world.io.get_executor(), ask(world, upstream),
                          [&](const std::exception_ptr&, const Result<Answer>& seen) { ended = seen.has_value(); });
    co_await world.until([&] { return upstream.connections() == 1; });
    const auto until = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < until)
      CHECK_AWAITED((co_await ask(world, upstream)).has_value(), == true);
    CHECK(upstream.connections() == 2);
    answer = true;
    co_await world.until([&] { return ended; });
    CHECK(world.pool.idle(upstream.address()) == 2);
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

TEST_CASE("for one connection more than are allowed to all upstreams, one that idles is closed", "[http]") {
  World world({}, {.connections = 2});
  Upstream first(world.io, echo_head);
  Upstream second(world.io, echo_head);
  Upstream third(world.io, echo_head);
  const auto idle = [&] {
    return world.pool.idle(first.address()) + world.pool.idle(second.address()) + world.pool.idle(third.address());
  };
  world.run([&]() -> Task<void> {
    for (const Upstream* upstream : {&first, &second, &third}) {
      CHECK_AWAITED((co_await ask(world, *upstream)).has_value(), == true);
    }
    CHECK(idle() == 2);
    CHECK(world.pool.idle(third.address()) == 1);
    Call fourth(world.pool, first.address());
    CHECK_AWAITED((co_await fourth.send({})).has_value(), == true);
    Call fifth(world.pool, second.address());
    CHECK_AWAITED((co_await fifth.send({})).has_value(), == true);
    CHECK(idle() == 0);
    CHECK_AWAITED((co_await ask(world, third)).has_value(), == true);  // all are at work: it is made, and not kept
    CHECK(idle() == 0);
  });
}

TEST_CASE("no more connections idle than are allowed", "[http]") {
  World world({}, {.idle_per_upstream = 2});
  Upstream upstream(world.io, echo_head);
  world.run([&]() -> Task<void> {
    co_await ask_five_at_once(world, upstream);
    CHECK(upstream.connections() == 5);
    CHECK(world.pool.idle(upstream.address()) == 2);
  });
}
