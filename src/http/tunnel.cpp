#include "http/tunnel.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <variant>

#include "http/connection.hpp"
#include "http/wire.hpp"

namespace rouse::http {
namespace {

// From the client to the upstream, until one of them has closed. (A call's wire is for its friends alone to name.)
template <class Wire>
Task<void> send_on(Connection& client, Wire& wire) {
  while (true) {
    const std::string_view bytes = co_await client.read_behind();
    if (bytes.empty()) co_return;
    if (!co_await wire.write(bytes)) co_return;
  }
}

}  // namespace

Task<RelayOutcome> tunnel(Exchange& exchange, Call& call) {
  using boost::asio::experimental::awaitable_operators::operator||;
  Connection& client = exchange.connection_;
  RelayOutcome outcome{
      .end = RelayEnd::finished, .status = call.head().status, .bytes = 0, .first_byte = {}, .error = {}};
  // From the upstream to the client it is an answer that ends with the connection.
  auto ended = co_await (relay(exchange, call, {.passing = Passing::everything}) || send_on(client, *call.wire_));
  if (auto* answer = std::get_if<RelayOutcome>(&ended)) outcome = std::move(*answer);
  co_return outcome;
}

}  // namespace rouse::http
