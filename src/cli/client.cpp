#include "cli/client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <exception>
#include <format>
#include <optional>
#include <utility>

#include "cli/replies.hpp"
#include "cli/text.hpp"
#include "http/call.hpp"
#include "http/context.hpp"

namespace rouse::cli {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kLargestAnswer = std::size_t{256} << 20;
constexpr auto kQuickly = std::chrono::seconds(30);  // for what the daemon answers without waiting for anything
constexpr std::string_view kJsonLines = "Content-Type: application/json\r\n";

TimePoint now() { return std::chrono::steady_clock::now(); }

Failure unreachable(const http::Address& daemon, const Error& error) {
  if (error.code == Code::deadline) {
    return {Exit::unreachable, std::format("the daemon at {} does not answer in time", http::to_string(daemon))};
  }
  std::string_view why = error.context.empty() ? error.message : error.context;
  const std::string place = http::to_string(daemon);
  while (why.starts_with(place + ": ")) why.remove_prefix(place.size() + 2);
  return {Exit::unreachable, std::format("no daemon answers at {} ({}). Is it running? Start it with: rouse serve "
                                         "--config FILE; or say where it is with --host or ROUSE_HOST",
                                         place, why)};
}

Failure broke_off(const Error& error) {
  if (error.code == Code::too_large) return {Exit::failed, "the daemon's answer is too large"};
  return {Exit::failed, std::format("the daemon broke off in the middle of its answer ({})",
                                    error.context.empty() ? error.message : error.context)};
}

bool is_good(int status) { return status >= 200 && status < 300; }

}  // namespace

struct Client::Impl {
  Impl(http::Address address, std::string_view key)
      : daemon(std::move(address)), key_line(key.empty() ? "" : std::format("Authorization: Bearer {}\r\n", key)) {}

  http::Address daemon;
  std::string key_line;  // a header line, or empty
  asio::io_context io{http::context_settings()};
  http::UpstreamPool pool{io};
  http::Call* streaming = nullptr;  // what Ctrl-C stops
  bool interrupted = false;

  // Runs until `task` is done. Connections that idle in the pool wait for the next time.
  template <class T>
  Outcome<T> finish(http::Task<Outcome<T>> task) {
    std::optional<Outcome<T>> result;
    asio::co_spawn(io.get_executor(), std::move(task), [&](const std::exception_ptr& thrown, Outcome<T> outcome) {
      result = thrown ? failure(Exit::failed, "the request could not be made") : std::move(outcome);
    });
    io.restart();
    while (!result && io.run_one() > 0) {
    }
    return std::move(result).value_or(failure(Exit::failed, "the request was never finished"));
  }

  http::Task<Outcome<std::string>> ask(std::string method, std::string target, std::string body, TimePoint deadline) {
    http::Call call(pool, daemon, deadline);
    const std::string lines = key_line + std::string(method == "GET" ? std::string_view() : kJsonLines);
    const auto head = co_await call.send({.method = method, .target = target, .extra = lines, .body = body});
    if (!head) co_return std::unexpected(unreachable(daemon, head.error()));
    const int status = (*head)->status;
    auto answer = co_await call.read_all(kLargestAnswer);
    if (!answer) co_return std::unexpected(broke_off(answer.error()));
    if (!is_good(status)) co_return std::unexpected(read_refusal(status, *answer));
    co_return std::move(*answer);
  }

  struct Watching {
    Watch watch;
    asio::steady_timer pause;
    bool enough = false;
    bool ended = false;
  };
  http::Task<void> look(Watching& watching) {
    while (true) {
      watching.pause.expires_after(watching.watch.every);
      co_await watching.pause.async_wait(asio::as_tuple(asio::deferred));
      if (watching.enough) co_return;
      const auto body = co_await ask("GET", watching.watch.target, "", now() + std::chrono::seconds(1));
      if (watching.enough) co_return;
      if (body) watching.watch.seen(*body);
    }
  }

  void on_interrupt() {
    interrupted = true;
    if (streaming != nullptr) streaming->stop();
  }

  http::Task<Outcome<StreamEnd>> follow(Streaming request, std::function<void(std::string_view)> sink) {
    if (!request.body.empty()) request.extra_lines += kJsonLines;
    request.extra_lines += key_line;
    http::Call call(pool, daemon);
    streaming = &call;
    const auto head = co_await call.send(
        {.method = request.method, .target = request.target, .extra = request.extra_lines, .body = request.body});
    if (!head) {
      if (interrupted) co_return StreamEnd::interrupted;
      co_return std::unexpected(unreachable(daemon, head.error()));
    }
    if (const int status = (*head)->status; !is_good(status)) {
      const auto answer = co_await call.read_all(kLargestAnswer);
      if (!answer) co_return std::unexpected(broke_off(answer.error()));
      co_return std::unexpected(read_refusal(status, *answer));
    }
    while (true) {
      const auto piece = co_await call.read();
      if (interrupted) co_return StreamEnd::interrupted;
      if (!piece) co_return std::unexpected(broke_off(piece.error()));
      if (piece->empty()) co_return StreamEnd::whole;
      sink(*piece);
    }
  }
};

Client::Client(http::Address daemon, std::string_view key) : impl_(std::make_unique<Impl>(std::move(daemon), key)) {}
Client::~Client() = default;

Outcome<std::string> Client::get(std::string target) {
  return impl_->finish(impl_->ask("GET", std::move(target), "", now() + kQuickly));
}

Outcome<std::string> Client::remove(std::string target) {
  return impl_->finish(impl_->ask("DELETE", std::move(target), "", now() + kQuickly));
}

Outcome<std::string> Client::post(std::string target, std::string body) {
  return impl_->finish(impl_->ask("POST", std::move(target), std::move(body), kNever));
}

Outcome<std::string> Client::post(std::string target, std::string body, Watch watch) {
  Impl::Watching watching{.watch = std::move(watch), .pause = asio::steady_timer(impl_->io)};
  asio::co_spawn(impl_->io.get_executor(), impl_->look(watching),
                 [&](const std::exception_ptr&) { watching.ended = true; });
  auto outcome = post(std::move(target), std::move(body));
  watching.enough = true;
  watching.pause.cancel();
  while (!watching.ended && impl_->io.run_one() > 0) {
  }
  return outcome;
}

Outcome<Client::StreamEnd> Client::stream(Streaming request, std::function<void(std::string_view piece)> sink) {
  impl_->interrupted = false;
  asio::signal_set interrupts(impl_->io);
  if (request.on_interrupt == OnInterrupt::stop) {
    interrupts.add(SIGINT);
    interrupts.async_wait([impl = impl_.get()](const boost::system::error_code& error, int) {
      if (!error) impl->on_interrupt();
    });
  }
  auto outcome = impl_->finish(impl_->follow(std::move(request), std::move(sink)));
  impl_->streaming = nullptr;
  return outcome;
}

Outcome<http::Address> parse_host(std::string_view text) {
  const std::string_view written = text;
  if (text.starts_with("https://")) {
    return failure(Exit::usage, std::format("\"{}\": the daemon speaks http, not https", written));
  }
  if (text.starts_with("http://")) {
    text.remove_prefix(7);
    text = text.substr(0, text.find('/'));
  }
  std::string address(text);
  if (text.starts_with("unix://")) {
    address = std::format("unix:{}", text.substr(7));
  } else if (text.starts_with(':')) {
    address = std::format("127.0.0.1{}", text);
  } else if (!text.contains('/') && (text.ends_with(']') || !text.contains(':'))) {
    address += kDefaultHost.substr(kDefaultHost.rfind(':'));
  }
  auto parsed = http::parse_address(address);
  if (!parsed || (!parsed->is_unix() && parsed->port == 0)) {
    return failure(Exit::usage,
                   std::format("\"{}\" is no place where a daemon could be: write HOST:PORT, http://HOST:PORT or "
                               "unix:/PATH, with --host or in ROUSE_HOST",
                               written));
  }
  if (parsed->host == "0.0.0.0") parsed->host = "127.0.0.1";  // as one would tell a server to listen
  return *parsed;
}

Outcome<http::Address> find_daemon(std::string_view option, const Environment& environment) {
  if (!option.empty()) return parse_host(option);
  const std::string named = environment("ROUSE_HOST").value_or("");
  return parse_host(named.empty() ? kDefaultHost : named);
}

std::string model_target(std::string_view id, std::string_view rest) {
  return std::format("/rouse/v1/models/{}{}", percent_encoded(id), rest);
}

}  // namespace rouse::cli
