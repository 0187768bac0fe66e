// Ports that are handed out, and who really listens on them.
#include "system/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "system/listeners.hpp"
#include "workshop.hpp"

using namespace rouse;
using namespace rouse::system;
using namespace rouse::system::test;

namespace {

enum class Doing : std::uint8_t { bound, listening };

Fd occupy(std::uint16_t port, Doing doing, std::uint32_t host = INADDR_LOOPBACK) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (doing == Doing::listening) REQUIRE(::listen(socket.get(), 1) == 0);
  return socket;
}

std::string listening_script(std::uint16_t port, const std::string& before = "") {
  return "exec python3 -c \"\nimport os, socket, signal\n" + before + "s = socket.create_server(('127.0.0.1', " +
         std::to_string(port) + "))\nprint('listens', flush=True)\nsignal.pause()\n\"";
}

}  // namespace

TEST_CASE("a number is one worker's until it is given back, and comes again as late as possible") {
  Ports some;
  const std::uint16_t free = some.take()->number();
  Ports ports(free, static_cast<std::uint16_t>(free + 2));
  std::set<std::uint16_t> seen;
  auto first = ports.take();
  auto second = ports.take();
  REQUIRE((first && second));
  CHECK(first->number() != second->number());
  const std::uint16_t was = first->number();
  *first = Port();
  const auto third = ports.take();
  REQUIRE(third);
  CHECK(third->number() != was);
  CHECK(third->number() != second->number());
  const auto again = ports.take();
  REQUIRE(again);
  CHECK(again->number() == was);
  const auto none = ports.take();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Code::load_failed);
}

TEST_CASE("a number that somebody has bound is passed over, whether they listen or not") {
  Ports some;
  const std::uint16_t free = some.take()->number();
  for (const Doing doing : {Doing::bound, Doing::listening}) {
    const Fd other = occupy(free, doing);
    CHECK(Ports::is_taken(free));
    Ports ports(free, free);
    CHECK_FALSE(ports.take());
  }
  CHECK_FALSE(Ports::is_taken(free));
  CHECK(Ports(free, free).take());
}

TEST_CASE("the kernel hands out none of the numbers by itself") {
  Ports ports;
  for (int i = 0; i < 50; ++i) {
    const Fd other = occupy(0, Doing::bound);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto ours = ports.take();
    REQUIRE(ours);
    CHECK(ntohs(address.sin_port) > ours->number());
  }
}

TEST_CASE("a listener of the tree is told from one of others, also after it went to the background") {
  Workshop shop;
  Ports ports;
  const Port port = *ports.take();
  for (const char* const before : {"", "if os.fork(): signal.pause()\nos.setsid()\n"}) {
    Worker worker;
    start(shop, worker, shell(listening_script(port.number(), before)));
    const int root = worker.process->root();
    CHECK(find_listener(port.number(), root).whose == Listener::Whose::nobodys);
    shop.run_until([&] { return worker.wrote("listens"); });
    const Listener found = find_listener(port.number(), root);
    CHECK(found.whose == Listener::Whose::of_the_tree);
    CHECK(found.host == "127.0.0.1");
    CHECK(find_listener(port.number(), 0).whose == Listener::Whose::of_others);
    worker.process->kill();
    shop.run_until([&] { return worker.gone; });
    CHECK(find_listener(port.number(), root).whose == Listener::Whose::nobodys);
  }
}

TEST_CASE("one listener of others beside the tree's is enough to say so") {
  Workshop shop;
  Ports ports;
  const Port port = *ports.take();
  Worker worker;
  start(shop, worker, shell(listening_script(port.number())));
  shop.run_until([&] { return worker.wrote("listens"); });
  const Fd beside = occupy(port.number(), Doing::listening, INADDR_LOOPBACK + 1);  // 127.0.0.2
  CHECK(find_listener(port.number(), worker.process->root()).whose == Listener::Whose::of_others);
  worker.process->kill();
  shop.run_until([&] { return worker.gone; });
}
