// What started us, if it is a service manager (systemd): hears how we are, and may hand us listening sockets.
//
// The protocol is small: one datagram a message to the Unix socket in NOTIFY_SOCKET; passed sockets are the descriptors
// from 3 on, as many as LISTEN_FDS says, if LISTEN_PID is us. All of it is taken out of the environment, so that nobody
// else whom we start believes to be meant. Without a service manager every message goes nowhere. Owner thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "system/fd.hpp"

namespace rouse::system {

struct PassedSocket {
  Fd socket;         // listens
  std::string name;  // of FileDescriptorName=, else the socket unit's; may be empty
};

class ServiceManager {
 public:
  // Of this process. Call once, before there are other threads.
  static ServiceManager from_environment();

  bool listens() const { return socket_.open(); }

  // `status` is a line for people: systemctl status shows it.
  void ready(std::string_view status);
  void reloading();  // ready() ends it
  void stopping(std::string_view status);
  void still_stopping(Duration at_most, std::string_view status);  // be patient for so long, from now
  void alive();

  // How long it waits for alive(); nothing where it does not.
  std::optional<Duration> watchdog() const { return watchdog_; }

  // The sockets that were passed to us, once. Fails when one of them is no socket that listens for streams.
  Result<std::vector<PassedSocket>> take_sockets();

 private:
  void send(std::string_view message);

  Fd socket_;  // connected to the manager's
  std::optional<Duration> watchdog_;
  std::vector<PassedSocket> passed_;
};

}  // namespace rouse::system
