#include "fake_daemon.hpp"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <format>
#include <functional>
#include <stdexcept>
#include <utility>

namespace rouse::cli::test {

namespace asio = boost::asio;

namespace {

// Does it when it goes.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> what) : what_(std::move(what)) {}
  ~AtEnd() { what_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> what_;
};

}  // namespace

FakeDaemon::FakeDaemon() : server_(io_, {}) {
  const auto bound = server_.listen(http::tcp_address("127.0.0.1", 0), *this);
  if (!bound) throw std::runtime_error(bound.error().message);
  bound_ = *bound;
  thread_ = std::thread([this] { io_.run(); });
}

FakeDaemon::~FakeDaemon() {
  io_.stop();
  thread_.join();
}

std::vector<Seen> FakeDaemon::seen() {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

bool FakeDaemon::client_left() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return left_ > 0; });
}

Canned FakeDaemon::next(const std::string& request) {
  const auto at = canned_.find(request);
  if (at == canned_.end()) return {404, {R"({"error":{"code":"not_found","message":"no such path"}})"}};
  Canned canned = at->second.front();
  if (at->second.size() > 1) at->second.erase(at->second.begin());
  return canned;
}

http::Task<void> FakeDaemon::handle(http::Exchange& exchange) {
  const std::string request = std::format("{} {}", exchange.method(), exchange.target());
  const auto body = co_await exchange.read_body();
  {
    const std::scoped_lock lock(mutex_);
    Seen& seen = seen_.emplace_back(request, std::string(body.value_or("")));
    for (const http::Field& field : exchange.request().fields) seen.fields.emplace(field.name, field.value);
  }
  const Canned canned = next(request);
  exchange.begin(canned.status);
  for (const std::string& piece : canned.pieces) co_await exchange.write(piece);
  if (canned.then == Then::cut) co_return;
  if (canned.then == Then::hang || canned.then == Then::hang_and_interrupt) {
    const AtEnd left([this] {
      const std::scoped_lock lock(mutex_);
      ++left_;
      changed_.notify_all();
    });
    co_await exchange.flush();
    if (canned.then == Then::hang_and_interrupt) ::kill(::getpid(), SIGINT);
    asio::steady_timer forever(io_, asio::steady_timer::time_point::max());
    co_await forever.async_wait(asio::as_tuple(asio::deferred));
    co_return;
  }
  co_await exchange.end();
}

Ran Run::operator()(std::vector<std::string> arguments) const {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal({in, out, err}, look);
  const Environment lookup = [this](std::string_view name) -> std::optional<std::string> {
    const auto at = environment.find(std::string(name));
    return at == environment.end() ? std::nullopt : std::optional(at->second);
  };
  const int exit = run(arguments, lookup, terminal, serve, check, make_key);
  return {exit, out.str(), err.str()};
}

Run asking(const FakeDaemon& daemon) { return Run{.environment = {{"ROUSE_HOST", daemon.host()}}}; }

}  // namespace rouse::cli::test
