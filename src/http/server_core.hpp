// What a server's connections and listeners share. Internal to http/.
#pragma once

#include <sys/socket.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/buffer.hpp"
#include "http/connection.hpp"
#include "http/server.hpp"

namespace rouse::http {

inline constexpr std::size_t kConnectionBuffer = std::size_t{4} << 10;
inline constexpr std::size_t kAnyAmount = ~std::size_t{0};

// A listening socket. Owners: the server's list, and its accept loop.
struct Listener {
  Listener(boost::asio::io_context& io, int socket, Handler& answers, Address where, bool made)
      : descriptor(io.get_executor(), socket), handler(answers), bound(std::move(where)), unlink_path(made) {}

  void close();  // and removes the socket's file if we made it

  boost::asio::posix::basic_stream_descriptor<Executor> descriptor;
  Handler& handler;
  Address bound;
  bool unlink_path;
};

class ServerCore final : public std::enable_shared_from_this<ServerCore> {
 public:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  ServerCore(boost::asio::io_context& context, ServerLimits chosen);

  // --- listeners
  Result<Address> listen(const Address& address, Handler& handler);
  Result<Address> adopt(int socket, Handler& handler, bool made);
  void stop_listening(const Address& bound);
  void stop_listening();

  // --- connections
  void joined(Connection& connection);
  void left(const Connection& connection);
  void becomes_idle(Connection& connection) {
    idle_.push_back(connection);
    ++counts.idle;
  }
  void leaves_idle() { --counts.idle; }
  void stop_accepting();
  Task<void> drain(TimePoint deadline);
  void cut_all();
  bool draining() const { return draining_; }

  // --- what they share
  bool charge(std::size_t bytes);  // against the budget of buffered bodies
  void refund(std::size_t bytes) { counts.buffered_bytes -= bytes; }
  Buffer take_buffer();
  void give_back(Buffer buffer);
  std::string_view date_line();
  std::uint64_t ticks() const { return ticks_; }

  boost::asio::io_context& io;
  ServerLimits limits;
  Server::Counts counts;

 private:
  static Task<void> accept_loop(std::shared_ptr<ServerCore> core, std::shared_ptr<Listener> listener);
  void accept(Listener& listener, int socket, const sockaddr_storage& from);
  // Who is to go before one more may come from there; nothing if nobody gives way.
  Connection* oldest_idle(std::optional<Network> of);
  void tick();
  template <class Act>
  void for_each_connection(Act act) {  // which may end it, and with it its place in the list
    for (auto at = connections_.begin(); at != connections_.end();) std::invoke(act, *at++);
  }

  boost::intrusive::list<
      Connection,
      boost::intrusive::base_hook<boost::intrusive::list_base_hook<boost::intrusive::tag<AllTag>, AutoUnlink>>,
      boost::intrusive::constant_time_size<false>>
      connections_;
  boost::intrusive::list<
      Connection,
      boost::intrusive::base_hook<boost::intrusive::list_base_hook<boost::intrusive::tag<IdleTag>, AutoUnlink>>,
      boost::intrusive::constant_time_size<false>>
      idle_;                                             // no request there: whoever has had none for longest is first
  std::unordered_map<Network, std::size_t> by_network_;  // how many connections
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<Buffer> spare_;
  Timer timer_;  // ticks while there are connections
  Timer empty_;  // cancelled when the last connection has left
  std::uint64_t ticks_ = 0;
  std::int64_t date_second_ = -1;
  std::string date_line_;
  bool ticking_ = false;
  bool draining_ = false;
};

}  // namespace rouse::http
