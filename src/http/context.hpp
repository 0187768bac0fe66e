// What an io_context is told that http's sockets live on:
//
//     boost::asio::io_context io(http::context_settings());
#pragma once

#include <boost/asio/config.hpp>

namespace rouse::http {

// One thread uses sockets and timers, others only post: so only the queue of handlers takes locks. A read that got less
// than it had room for has emptied its socket: the next one waits for an arrival, and does not ask before it (see
// Stream::arm). https://www.boost.org/doc/libs/latest/doc/html/boost_asio/overview/core/configuration.html
inline boost::asio::config_from_string context_settings() {
  return boost::asio::config_from_string(
      "scheduler.concurrency_hint=1\n"
      "reactor.io_locking=0\n"
      "reactor.reset_edge_on_partial_read=1\n");
}

}  // namespace rouse::http
