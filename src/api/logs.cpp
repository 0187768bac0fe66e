#include "api/logs.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <format>

#include "api/log_backlog.hpp"
#include "api/route.hpp"

namespace rouse::api {
namespace {

constexpr std::size_t kDefaultLines = 100;
constexpr Duration kLookAgain = std::chrono::milliseconds(500);  // whether the daemon shuts down

struct Wanted {
  std::size_t lines = kDefaultLines;
  bool follow = false;
};

Result<Wanted> read_query(std::string_view query) {
  Wanted wanted;
  if (const auto lines = query_value(query, "lines")) {
    const char* end = lines->data() + lines->size();
    const auto [stop, wrong] = std::from_chars(lines->data(), end, wanted.lines);
    if (wrong != std::errc() || stop != end) return fail(Code::malformed, "\"lines\" must be a number");
  }
  if (const auto follow = query_value(query, "follow")) {
    if (*follow != "true" && *follow != "false") return fail(Code::malformed, "\"follow\" must be true or false");
    wanted.follow = *follow == "true";
  }
  return wanted;
}

http::Task<void> follow(const Parts& parts, Reply& reply, system::WorkerLog& log, std::string text) {
  http::Exchange& exchange = reply.exchange();
  exchange.begin(200);
  exchange.append_field("Content-Type", "text/plain; charset=utf-8");
  exchange.append_lines(reply.lines());

  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    http::Executor>
      news(co_await boost::asio::this_coro::executor);
  LogBacklog backlog;
  const auto following = log.follow([&](const system::LogLine& line) {
    backlog.add(line.text);
    news.cancel();
  });
  if (co_await exchange.flush() == http::Delivery::client_gone) co_return;
  while (true) {
    text += backlog.take();
    if (!text.empty() && co_await exchange.write(text) == http::Delivery::client_gone) co_return;
    text.clear();
    if (!backlog.empty()) continue;
    if (!parts.daemon.accepting()) break;
    news.expires_after(kLookAgain);
    co_await news.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
  }
  co_await exchange.end();
}

}  // namespace

http::Task<void> admin_logs(const Parts& parts, Reply& reply, std::string_view id) {
  const auto wanted = read_query(reply.exchange().query());
  if (!wanted) co_return co_await reply.error(wanted.error());
  const auto model = parts.daemon.find(id);
  if (!model) co_return co_await reply.error(model.error());
  system::WorkerLog& log = parts.daemon.log_of(*model);

  std::string text;
  for (const system::LogLine& line : log.tail(wanted->lines)) text.append(line.text).append("\n");
  if (!wanted->follow) co_return co_await reply.text(200, std::move(text));
  co_await follow(parts, reply, log, std::move(text));
}

}  // namespace rouse::api
