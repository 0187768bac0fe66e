#include "http/relay.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "http/connection.hpp"
#include "http/wire.hpp"

namespace rouse::http {
namespace {

// Which fields of the answer give way to lines of ours.
class Replaced {
 public:
  explicit Replaced(std::string_view lines) {
    while (!lines.empty() && count_ < names_.size()) {
      names_[count_++] = lines.substr(0, lines.find(':'));
      lines.remove_prefix(std::min(lines.size(), lines.find("\r\n") + 2));
    }
  }
  bool has(std::string_view name) const {
    return std::ranges::any_of(std::span(names_).first(count_),
                               [&](std::string_view ours) { return same_name(ours, name); });
  }

 private:
  std::array<std::string_view, 8> names_;
  std::size_t count_ = 0;
};

// As it is. The fields of the connection travel too when it becomes another protocol's.
void pass_whole_head(Connection& client, const ResponseHead& head, const RelayOptions& options) {
  const Replaced replaced(options.extra);
  const bool switches = head.status == kSwitchingProtocols;
  client.begin(head.status, head.content_length, Connection::Date::given, head.reason);
  for (const Field& field : head.fields) {
    const bool stays = is_hop_by_hop(field.name) || has_token(head.field("Connection").value_or(""), field.name);
    const bool upgrades = switches && (same_name(field.name, "connection") || same_name(field.name, "upgrade"));
    if ((!stays || upgrades) && !replaced.has(field.name)) client.append_parsed(field);
  }
  client.append_lines(options.extra);
}

void pass_head(Connection& client, const ResponseHead& head, const RelayOptions& options) {
  if (options.passing == Passing::everything) return pass_whole_head(client, head, options);
  std::string_view named_by_connection;
  bool dated = false;
  const Replaced replaced(options.extra);
  for (const Field& field : head.fields) {
    if (field.name.size() == 4 && same_name(field.name, "date")) dated = true;
    if (field.name.size() == 10 && same_name(field.name, "connection") && !same_name(field.value, "keep-alive") &&
        !same_name(field.value, "close")) {
      named_by_connection = field.value;
    }
  }
  client.begin(head.status, head.content_length, dated ? Connection::Date::given : Connection::Date::add);
  for (const Field& field : head.fields) {
    if (is_hop_by_hop(field.name) || is_of_the_server(field.name) || replaced.has(field.name)) continue;
    if (!named_by_connection.empty() && has_token(named_by_connection, field.name)) continue;
    client.append_parsed(field);
  }
  client.append_lines(options.extra);
}

}  // namespace

Task<RelayOutcome> relay(Exchange& exchange, Call& call, RelayOptions options) {
  Connection& client = exchange.connection_;
  Call::Wire& wire = *call.wire_;
  RelayOutcome outcome;
  outcome.status = wire.head().status;
  if (!client.begun()) pass_head(client, wire.head(), options);

  const auto over = [&](RelayEnd end) {
    outcome.end = client.gone() ? RelayEnd::client_gone : end;
    if (end == RelayEnd::broken) {
      outcome.error = wire.error();
      if (wire.ended_by_us() && outcome.end == RelayEnd::broken) outcome.end = RelayEnd::stopped;
    }
    return outcome;
  };

  bool waited = false;
  while (true) {
    std::string_view piece;
    const auto progress = wire.advance(piece);
    if (progress == Call::Wire::Progress::broken) co_return over(RelayEnd::broken);
    if (progress == Call::Wire::Progress::starved) {
      if (!client.head_sent()) {
        auto delivery = client.try_put({}, false);
        if (!delivery) delivery = co_await client.finish_put();
        if (*delivery == Delivery::client_gone) co_return over(RelayEnd::client_gone);
      }
      wire.arm();
      if (!wire.stream().armed()) continue;
      waited = true;
      co_await wire.stream().read_done();
      wire.absorb();
      continue;
    }
    if (!piece.empty()) {
      if (outcome.bytes == 0) outcome.first_byte = waited ? std::chrono::steady_clock::now() : wire.head_arrived();
      if (options.tap != nullptr) options.tap->on_bytes(piece);
    }
    const bool last = wire.whole();
    auto delivery = client.try_put(piece, last);
    if (!delivery) delivery = co_await client.finish_put();
    if (*delivery == Delivery::client_gone) co_return over(RelayEnd::client_gone);
    outcome.bytes += piece.size();
    if (last) co_return over(RelayEnd::finished);
  }
}

}  // namespace rouse::http
