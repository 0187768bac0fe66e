// Asks the daemon over HTTP, one request after the other, and waits for the answer.
//
// Made once by a command, used from the one thread there is; everything under way lives inside a call of these
// functions. What always holds: mutations are sent as application/json; a request that is left early (Ctrl-C) closes
// its connection, so that the daemon stops working on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "cli/cli.hpp"
#include "cli/exit.hpp"
#include "http/address.hpp"

namespace rouse::cli {

inline constexpr std::string_view kDefaultHost = "127.0.0.1:11450";

// Where the daemon is: "host:port", "host", ":port", "http://host:port", "unix:/path", "/path".
Outcome<http::Address> parse_host(std::string_view text);

// Of `option` (empty: not given), else the environment's ROUSE_HOST, else the default.
Outcome<http::Address> find_daemon(std::string_view option, const Environment& environment);

// Looks at something while a longer request is under way.
struct Watch {
  std::string target;                               // that is asked for, again and again
  std::function<void(std::string_view body)> seen;  // gets each good answer
  Duration every = std::chrono::milliseconds(200);
};

class Client {
 public:
  // `key`: empty, or what to show the daemon.
  explicit Client(http::Address daemon, std::string_view key = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The body of a 2xx answer; otherwise what the daemon said, or that there is none.
  Outcome<std::string> get(std::string target);
  Outcome<std::string> post(std::string target, std::string body);
  Outcome<std::string> post(std::string target, std::string body, Watch watch);
  Outcome<std::string> remove(std::string target);

  enum class OnInterrupt : unsigned char { die, stop };  // what Ctrl-C does: to the process, or to this answer alone
  enum class StreamEnd : unsigned char { whole, interrupted };
  struct Streaming {
    std::string method = "GET";
    std::string target;
    std::string body = {};
    std::string extra_lines = {};  // of the head, each ended by CRLF
    OnInterrupt on_interrupt = OnInterrupt::die;
  };
  // Gives each piece of a 2xx answer to `sink` as soon as it is there.
  Outcome<StreamEnd> stream(Streaming request, std::function<void(std::string_view piece)> sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "/rouse/v1/models/ID" and what follows it.
std::string model_target(std::string_view id, std::string_view rest = "");

}  // namespace rouse::cli
