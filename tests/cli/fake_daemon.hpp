// A daemon that answers what a test told it to, over real HTTP, on a thread of its own; and a terminal made of strings.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cli/cli.hpp"
#include "cli/terminal.hpp"
#include "http/server.hpp"

namespace rouse::cli::test {

enum class Then : unsigned char { end, cut, hang, hang_and_interrupt };  // the last: sends this process a SIGINT

struct Canned {
  int status = 200;
  std::vector<std::string> pieces = {};  // of the body, each written by itself
  Then then = Then::end;
};

struct Seen {
  std::string request;  // "POST /path"
  std::string body;
  std::map<std::string, std::string> fields = {};
};

class FakeDaemon final : public http::Handler {
 public:
  FakeDaemon();
  ~FakeDaemon() override;
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  // To be told before it is asked. Of several answers to one request, each is given once, the last for ever.
  void answer(const std::string& request, Canned canned) { canned_[request].push_back(std::move(canned)); }
  void answer(const std::string& request, std::string body) { answer(request, Canned{200, {std::move(body)}}); }

  std::string host() const { return http::to_string(bound_); }
  std::vector<Seen> seen();
  // Waits until a client has left a hanging answer; false if none has in time.
  bool client_left();

  http::Task<void> handle(http::Exchange& exchange) override;

 private:
  Canned next(const std::string& request);

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<http::Executor> work_{io_.get_executor()};
  http::Server server_;
  http::Address bound_;
  std::map<std::string, std::vector<Canned>> canned_;  // the server's thread alone, once it is asked
  std::mutex mutex_;                                   // guards what follows
  std::condition_variable changed_;
  std::vector<Seen> seen_;
  int left_ = 0;
  std::thread thread_;
};

// What a command printed, and how it ended.
struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
};

struct Run {
  std::map<std::string, std::string> environment = {};
  std::string input = {};
  Terminal::Look look = {};
  Serve serve = [](const ServeOptions&) { return 99; };
  Check check = [](const std::string&) { return 98; };
  MakeKey make_key = [](const KeyOptions&) { return 97; };

  Ran operator()(std::vector<std::string> arguments) const;
};

// Asks that daemon.
Run asking(const FakeDaemon& daemon);

}  // namespace rouse::cli::test
