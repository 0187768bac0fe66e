#include <sys/stat.h>

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "http/server.hpp"
#include "world.hpp"

using namespace rouse;
using namespace rouse::http;
using namespace rouse::http::test;

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

TEST_CASE("where nobody listens any more, connections end when they are idle", "[http]") {
  World world;
  world.handler.function = echo;
  FunctionHandler other;
  bool answer = false;
  other.function = [&](Exchange& exchange) -> Task<void> {
    if (exchange.path() == "/slow") co_await world.until([&] { return answer; });
    co_await echo(exchange);
  };
  world.run([&]() -> Task<void> {
    const Address second = world.server.listen(tcp_address("127.0.0.1", 0), other).value();
    Peer stays = co_await world.client();
    Peer idle = co_await World::connect(second);
    Peer asking = co_await World::connect(second);
    for (Peer* peer : {&stays, &idle}) {
      co_await peer->send(get());
      CHECK_AWAITED(co_await peer->message(), .status() == 200);
    }
    co_await asking.send(get("/slow"));
    co_await world.until([&] { return world.server.counts().requests == 3; });
    world.server.stop_listening(second);
    CHECK_AWAITED(co_await idle.to_end(), .empty());
    answer = true;
    CHECK_AWAITED(co_await asking.to_end(), .starts_with("HTTP/1.1 200"));
    co_await stays.send(get());
    CHECK_AWAITED(co_await stays.message(), .status() == 200);
  });
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
