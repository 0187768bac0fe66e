#include "world.hpp"

#include <sys/socket.h>

#include <boost/asio.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <format>

#include "http/chunked.hpp"
#include "http/head.hpp"

namespace rouse::http::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

std::optional<std::string> Message::field(std::string_view name) const {
  const std::string lower_head = [&] {
    std::string text = "\r\n" + head;
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }();
  std::string wanted = std::format("\r\n{}: ", name);
  for (char& c : wanted) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t at = lower_head.find(wanted);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = at - 2 + wanted.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Task<void> Peer::send(std::string bytes) {
  const bool sent = co_await try_send(std::move(bytes));
  REQUIRE(sent);
}

Task<bool> Peer::try_send(std::string bytes) {
  const auto [error, n] = co_await asio::async_write(socket_, asio::buffer(bytes), asio::as_tuple(asio::deferred));
  co_return !error;
}

Task<bool> Peer::more() {
  char block[16384];
  co_await socket_.async_wait(asio::socket_base::wait_read, asio::as_tuple(asio::deferred));  // also for an end
  const auto [error, n] = co_await socket_.async_read_some(asio::buffer(block), asio::as_tuple(asio::deferred));
  bytes_.append(block, n);
  co_return !error;
}

Task<void> Peer::sip(std::size_t at_most) {
  std::string block(at_most, ' ');
  co_await socket_.async_wait(asio::socket_base::wait_read, asio::as_tuple(asio::deferred));
  co_await socket_.async_read_some(asio::buffer(block), asio::as_tuple(asio::deferred));
}

std::string Peer::take(std::size_t n) {
  std::string taken = bytes_.substr(0, n);
  bytes_.erase(0, n);
  return taken;
}

Task<std::string> Peer::until(std::string mark) {
  while (true) {
    if (const std::size_t at = bytes_.find(mark); at != std::string::npos) co_return take(at + mark.size());
    if (!co_await more()) co_return take(bytes_.size());
  }
}

Task<std::string> Peer::to_end() {
  while (co_await more()) {
  }
  co_return take(bytes_.size());
}

Task<Message> Peer::message(bool to_head) {
  Message message;
  message.head = co_await until("\r\n\r\n");
  message.start = message.head.substr(0, message.head.find("\r\n"));
  if (!message.head.ends_with("\r\n\r\n")) co_return message;
  const auto length = message.field("Content-Length");
  const bool answer = message.start.starts_with("HTTP/");
  if (to_head || message.status() == 204 || message.status() == 304 || message.status() == 100) {
    message.whole = true;
  } else if (message.field("Transfer-Encoding")) {
    ChunkedDecoder decoder;
    while (!decoder.done() && !decoder.failed()) {
      if (bytes_.empty() && !co_await more()) break;
      const auto step = decoder.decode(bytes_);
      message.body.append(bytes_, 0, step.decoded);
      bytes_.erase(0, step.consumed);
    }
    message.whole = decoder.done();
  } else if (length) {
    const std::size_t wanted = std::stoul(*length);
    while (bytes_.size() < wanted) {
      if (!co_await more()) break;
    }
    message.whole = bytes_.size() >= wanted;
    message.body = take(std::min(wanted, bytes_.size()));
  } else if (answer) {
    message.body = co_await to_end();
    message.whole = true;
  } else {
    message.whole = true;
  }
  co_return message;
}

void Peer::reset() {
  socket_.set_option(asio::socket_base::linger(true, 0));
  socket_.close();
}

void Peer::send_last(std::string_view bytes) {
  REQUIRE(::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_MORE) == static_cast<ssize_t>(bytes.size()));
  close_send();
}

void Peer::close_send() { socket_.shutdown(asio::socket_base::shutdown_send); }
void Peer::small_receive_buffer() { socket_.set_option(asio::socket_base::receive_buffer_size(4096)); }

struct Upstream::State {
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;

  State(asio::io_context& io, Script part, const std::string& path)
      : acceptor(io.get_executor()), script(std::move(part)) {
    const Acceptor::endpoint_type at =
        path.empty() ? Acceptor::endpoint_type(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0))
                     : asio::local::stream_protocol::endpoint(path);
    acceptor.open(at.protocol());
    acceptor.bind(at);
    acceptor.listen();
    if (!path.empty()) {
      address = unix_address(path);
    } else {
      asio::ip::tcp::endpoint bound;
      std::memcpy(bound.data(), acceptor.local_endpoint().data(), bound.size());
      address = tcp_address("127.0.0.1", bound.port());
    }
  }

  Acceptor acceptor;
  Script script;
  Address address;
  std::list<Peer> peers;
};

namespace {

Task<void> play([[maybe_unused]] std::shared_ptr<void> keep, const Upstream::Script& script, Peer& peer, int number) {
  try {
    co_await script(peer, number);
  } catch (const boost::system::system_error&) {
    // The other side left in the middle: what the test makes of it is its own affair.
  }
}

}  // namespace

Upstream::Upstream(asio::io_context& io, Script script, const std::string& path)
    : state_(std::make_shared<State>(io, std::move(script), path)) {
  asio::co_spawn(io.get_executor(), accept(state_), asio::detached);
}
Upstream::~Upstream() {
  state_->acceptor.close();
  for (Peer& peer : state_->peers) peer.close();
}
const Address& Upstream::address() const { return state_->address; }
int Upstream::connections() const { return static_cast<int>(state_->peers.size()); }

Task<void> Upstream::accept(std::shared_ptr<State> state) {
  while (true) {
    auto [error, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::deferred));
    if (error) co_return;
    if (!state->address.is_unix()) socket.set_option(asio::ip::tcp::no_delay(true));
    const int number = static_cast<int>(state->peers.size());
    Peer& peer = state->peers.emplace_back(Socket(std::move(socket)));
    asio::co_spawn(state->acceptor.get_executor(), play(state, state->script, peer, number), asio::detached);
  }
}

World::World(ServerLimits limits, PoolLimits pool_limits) : server(io, limits), pool(io, pool_limits) {
  address = server.listen(tcp_address("127.0.0.1", 0), handler).value();
}

void World::run(std::function<Task<void>()> test) {
  bool ended = false;
  std::exception_ptr failure;
  asio::co_spawn(io.get_executor(), test(), [&](std::exception_ptr exception) {
    failure = std::move(exception);
    ended = true;
    io.stop();
  });
  io.run_for(20s);
  if (failure) std::rethrow_exception(failure);
  REQUIRE(ended);
}

Task<Peer> World::connect(Address to) {
  const auto executor = co_await asio::this_coro::executor;
  if (to.is_unix()) {
    Socket socket(executor);
    socket.connect(asio::local::stream_protocol::endpoint(to.path));
    co_return Peer(std::move(socket));
  }
  asio::basic_stream_socket<asio::ip::tcp, Executor> socket(executor);
  co_await socket.async_connect(asio::ip::tcp::endpoint(asio::ip::make_address(to.host), to.port), asio::deferred);
  socket.set_option(asio::ip::tcp::no_delay(true));
  co_return Peer(Socket(std::move(socket)));
}

Task<Peer> World::client() { return connect(address); }

Task<Peer> World::client_from(std::string host) {
  asio::basic_stream_socket<asio::ip::tcp, Executor> socket(io.get_executor());
  socket.open(asio::ip::tcp::v4());
  socket.bind(asio::ip::tcp::endpoint(asio::ip::make_address(host), 0));
  co_await socket.async_connect(asio::ip::tcp::endpoint(asio::ip::make_address(address.host), address.port),
                                asio::deferred);
  co_return Peer(Socket(std::move(socket)));
}

Task<Message> World::ask(std::string request) {
  Peer peer = co_await client();
  co_await peer.send(std::move(request));
  co_return co_await peer.message();
}

Task<void> World::until(std::function<bool()> condition) {
  Timer timer(io.get_executor());
  const auto bound = std::chrono::steady_clock::now() + 5s;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < bound);
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::deferred);
  }
}

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

Task<void> echo_head(Peer& peer, int) {
  while (true) {
    const Message request = co_await peer.message();
    if (!request.whole) co_return;
    const std::string body = request.head + request.body;
    co_await peer.send(std::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  }
}

Task<Result<Answer>> ask(World& world, const Upstream& upstream) {
  return request(world.pool, upstream.address(), {.target = "/x"}, kNever, 1 << 20);
}

std::string get(std::string_view path, std::string_view lines) {
  return std::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", path, lines);
}

std::string post(std::string_view body, std::string_view lines) {
  return std::format("POST /post HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), lines, body);
}

}  // namespace rouse::http::test
