// A world to test the transport in: one io_context, servers and clients in it, all in one thread.
//
// Tests are coroutines. Nothing sleeps: what is waited for is an event, and the whole test has a bound.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/call.hpp"
#include "http/context.hpp"
#include "http/relay.hpp"
#include "http/server.hpp"

// CHECK looks at its expression twice, which for a co_await would mean to wait twice:
// CHECK_AWAITED(co_await peer.message(), .body == "text").
#define CHECK_AWAITED(awaited, ...) \
  do {                              \
    const auto seen = awaited;      \
    CHECK(seen __VA_ARGS__);        \
  } while (false)

namespace rouse::http::test {

using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;

// What a raw client or upstream received as one message.
struct Message {
  std::string start;   // the first line
  std::string head;    // all of it, the empty line included
  std::string body;    // decoded
  bool whole = false;  // false: the connection ended before the message did
  int status() const { return start.starts_with("HTTP/1.") ? std::atoi(start.substr(9, 3).c_str()) : 0; }
  std::optional<std::string> field(std::string_view name) const;
};

// One end of a connection that does exactly what it is told, bytes that are no HTTP included.
class Peer {
 public:
  explicit Peer(Socket socket) : socket_(std::move(socket)) {}
  Task<void> send(std::string bytes);           // all of it; fails the test if it cannot
  Task<bool> try_send(std::string bytes);       // false: the other side has closed
  Task<Message> message(bool to_head = false);  // the next one: request or answer
  Task<std::string> until(std::string mark);    // the bytes up to and with `mark`, or to the end
  Task<std::string> to_end();                   // the bytes until the other side closes
  Task<void> sip(std::size_t at_most);          // some bytes, which are forgotten
  void close() { socket_.close(); }
  void reset();                            // closes with a RST
  void close_send();                       // half of it
  void send_last(std::string_view bytes);  // a few, which arrive in one with the end of what it sends
  void small_receive_buffer();

 private:
  Task<bool> more();
  std::string take(std::size_t n);

  Socket socket_;
  std::string bytes_;
};

class FunctionHandler final : public Handler {
 public:
  std::function<Task<void>(Exchange&)> function;
  std::function<Refusal(const Unanswered&)> refuse;
  Task<void> handle(Exchange& exchange) override { return function(exchange); }
  Refusal refusal(const Unanswered& what) override { return refuse ? refuse(what) : Handler::refusal(what); }
};

// An upstream that plays a part: `script` runs for each connection, with its number from 0.
class Upstream {
 public:
  using Script = std::function<Task<void>(Peer&, int)>;
  // On a port of its own, or on a Unix socket at `path`.
  Upstream(boost::asio::io_context& io, Script script, const std::string& path = {});
  ~Upstream();
  const Address& address() const;
  int connections() const;

 private:
  struct State;
  static Task<void> accept(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // owners: this, and the scripts that run
};

class World {
 public:
  explicit World(ServerLimits limits = {}, PoolLimits pool_limits = {});

  // Runs the test until it has ended; fails it after 20 s.
  void run(std::function<Task<void>()> test);

  Task<Peer> client();                                // connected to the server
  Task<Peer> client_from(std::string host);           // of 127.0.0.0/8
  Task<Message> ask(std::string request);             // on a connection of its own
  Task<void> until(std::function<bool()> condition);  // fails the test after 5 s
  static Task<Peer> connect(Address address);

  boost::asio::io_context io{context_settings()};
  FunctionHandler handler;
  Server server;
  UpstreamPool pool;
  Address address;
};

// --- what handlers and upstreams do in many tests
Task<void> echo(Exchange& exchange);          // answers with what it was asked
Task<void> stream_three(Exchange& exchange);  // "one two three", in three pieces
Task<void> echo_head(Peer& peer, int);        // answers each request with what it was sent

Task<Result<Answer>> ask(World& world, const Upstream& upstream);

std::string get(std::string_view path = "/", std::string_view lines = "");
std::string post(std::string_view body, std::string_view lines = "");

}  // namespace rouse::http::test
