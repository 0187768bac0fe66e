// Ports of 127.0.0.1 for workers that do not listen on a Unix socket.
//
// A number that is handed on may be taken by another program before the worker listens there. What is done about it:
//   * Numbers come from below ip_local_port_range: the kernel gives those to nobody by itself, neither to a connection
//     nor to a bind to port 0, and so only a program that asks for this very number can come in between.
//   * A number is free when it is handed out (it was bound a moment ago, for all addresses), is handed to one worker at
//     a time, and comes again as late as possible.
//   * Should it be taken nevertheless, is_taken() says so when the worker has failed, and it is started on another.
// A socket of ours that stays bound until the worker listens would keep others out no better: whoever sets
// SO_REUSEADDR, as servers do, binds beside it. And it would keep out a worker that does not set it.
//
// Owner: the daemon, for its whole life; it outlives every Port. Owner thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace rouse::system {

class Ports;

// One number, until it is destroyed nobody else's of this daemon.
class Port {
 public:
  Port() = default;  // none
  Port(Port&& other) noexcept : ports_(std::exchange(other.ports_, nullptr)), number_(other.number_) {}
  Port& operator=(Port&& other) noexcept {
    std::swap(ports_, other.ports_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~Port();

  std::uint16_t number() const { return number_; }

 private:
  friend class Ports;
  Port(Ports& ports, std::uint16_t number) : ports_(&ports), number_(number) {}
  Ports* ports_ = nullptr;
  std::uint16_t number_ = 0;
};

class Ports {
 public:
  // From the numbers first to last; begins anywhere among them, since other daemons may hand out the same ones.
  Ports(std::uint16_t first, std::uint16_t last);
  Ports();  // those below the range that the kernel chooses from
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  Result<Port> take();  // fails when none is free

  // Whether another program has bound it, on whatever address of this machine, so that nobody can listen on it.
  static bool is_taken(std::uint16_t port);

 private:
  explicit Ports(std::uint16_t end);  // the numbers below it
  friend class Port;
  std::uint16_t first_;
  std::uint16_t last_;
  std::uint16_t next_;
  std::set<std::uint16_t> in_use_;
};

}  // namespace rouse::system
