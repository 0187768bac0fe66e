#include "http/server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <chrono>
#include <ctime>
#include <utility>

#include "http/server_core.hpp"

namespace rouse::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kSpareBuffers = 1024;

}  // namespace

ServerCore::ServerCore(asio::io_context& context, ServerLimits chosen)
    : io(context), limits(chosen), timer_(context.get_executor()), empty_(context.get_executor()) {}

void ServerCore::joined(Connection& connection) {
  connections_.push_back(connection);
  ++counts.connections;
  if (const auto network = connection.network()) ++by_network_[*network];
  if (!std::exchange(ticking_, true)) tick();
}

void ServerCore::left(const Connection& connection) {
  if (const auto network = connection.network()) {
    const auto at = by_network_.find(*network);
    if (--at->second == 0) by_network_.erase(at);
  }
  if (--counts.connections == 0) empty_.cancel();
}

void ServerCore::tick() {
  timer_.expires_after(limits.tick);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto core = weak.lock();
    if (error || !core) return;
    ++core->ticks_;
    core->for_each_connection(&Connection::on_tick);
    core->ticking_ = !core->connections_.empty();
    if (core->ticking_) core->tick();
  });
}

bool ServerCore::charge(std::size_t bytes) {
  if (counts.buffered_bytes + bytes > limits.buffered_bytes) return false;
  counts.buffered_bytes += bytes;
  return true;
}

Buffer ServerCore::take_buffer() {
  Buffer buffer;
  if (!spare_.empty()) {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  } else {
    buffer.reserve(kConnectionBuffer);
  }
  return buffer;
}

void ServerCore::give_back(Buffer buffer) {
  if (buffer.capacity() != kConnectionBuffer || spare_.size() >= kSpareBuffers) return;
  buffer.clear();
  spare_.push_back(std::move(buffer));
}

std::string_view ServerCore::date_line() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    date_line_.assign(text, std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts));
    date_second_ = now;
  }
  return date_line_;
}

void ServerCore::cut_all() { for_each_connection(&Connection::cut); }

void ServerCore::stop_accepting() {
  draining_ = true;
  stop_listening();
}

Task<void> ServerCore::drain(TimePoint deadline) {
  const auto keep = shared_from_this();
  stop_accepting();
  for_each_connection(&Connection::close_if_idle);
  for (const TimePoint until : {deadline, later(deadline, std::chrono::seconds(2))}) {
    // The second round is for those that were cut to unwind.
    while (!connections_.empty() && std::chrono::steady_clock::now() < until) {
      empty_.expires_at(until);
      co_await empty_.async_wait(asio::as_tuple(asio::deferred));
    }
    cut_all();
  }
}

Server::Server(asio::io_context& io, ServerLimits limits) : core_(std::make_shared<ServerCore>(io, limits)) {}

Server::~Server() {
  core_->stop_listening();
  core_->cut_all();
}

Result<Address> Server::listen(const Address& address, Handler& handler) { return core_->listen(address, handler); }
Result<Address> Server::adopt(int socket, Handler& handler) { return core_->adopt(socket, handler, false); }
void Server::stop_listening(const Address& bound) { core_->stop_listening(bound); }
void Server::change(const ServerLimits& limits) { core_->limits = limits; }
void Server::stop_accepting() { core_->stop_accepting(); }
Task<void> Server::drain(TimePoint deadline) { return core_->drain(deadline); }

Server::Counts Server::counts() const { return core_->counts; }

}  // namespace rouse::http
