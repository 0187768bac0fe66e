#include "daemon/worker.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <format>
#include <utility>

#include "engine/program_estimate.hpp"
#include "system/environment.hpp"
#include "system/listeners.hpp"

namespace rouse::daemon {
namespace {

constexpr int kAttempts = 5;  // while other programs come first
constexpr std::size_t kLastLines = 5;
constexpr Duration kHealthTime = std::chrono::seconds(5);
constexpr Duration kBetweenLooks = std::chrono::milliseconds(400);
constexpr Duration kTrimTime = std::chrono::minutes(1);

struct Answer {
  int status = 0;
  std::string body;
};

http::Task<Result<Answer>> ask_all(http::UpstreamPool& upstreams, http::Address address, config::Hook hook,
                                   TimePoint until) {
  http::Call call(upstreams, std::move(address), until);
  const auto head = co_await call.send({.method = hook.method,
                                        .target = hook.path,
                                        .extra = hook.body.empty() ? "" : "Content-Type: application/json\r\n",
                                        .body = hook.body});
  if (!head) co_return std::unexpected(head.error());
  Answer answer{.status = (*head)->status, .body = {}};
  // Read, so that the connection can be used again; a large page need not be.
  if (auto body = co_await call.read_all(64 * 1024)) answer.body = std::move(*body);
  co_return answer;
}

// The status that it is answered with.
http::Task<Result<int>> ask(http::UpstreamPool& upstreams, http::Address address, config::Hook hook, TimePoint until) {
  const auto answer = co_await ask_all(upstreams, std::move(address), std::move(hook), until);
  co_return answer.transform([](const Answer& all) { return all.status; });
}

bool is_well(int status) { return status >= 200 && status < 300; }

}  // namespace

Worker::Worker(Parts parts, Order order, Callbacks callbacks)
    : parts_(parts),
      order_(std::move(order)),
      contract_(order_.entry->engine->contract(order_.entry->model)),
      callbacks_(std::move(callbacks)),
      started_(parts.clock.now()),
      first_line_(parts.log.next_number()),
      pause_(parts.io),
      alive_(std::make_shared<bool>(true)) {}

Worker::~Worker() {
  *alive_ = false;
  parts_.upstreams.close_idle(address_);
}

Result<std::unique_ptr<Worker>> Worker::start(Parts parts, Order order, Callbacks callbacks) {
  std::unique_ptr<Worker> worker(new Worker(parts, std::move(order), std::move(callbacks)));
  if (worker->contract_.listens == config::Listens::socket) {
    worker->socket_ = parts.runtime.socket(std::format("worker-{}", worker->order_.id.value));
    worker->address_ = http::unix_address(worker->socket_->path());
  }
  if (auto spawned = worker->spawn(); !spawned) return std::unexpected(std::move(spawned.error()));
  return worker;
}

Result<void> Worker::spawn() {
  ++attempts_;
  found_others_ = false;
  engine::Place place{.gpus = order_.gpus, .gpu_uuids = order_.gpu_uuids};
  if (socket_) {
    place.socket = socket_->path();
  } else {
    auto port = parts_.ports.take();
    if (!port) return std::unexpected(std::move(port.error()));
    port_ = std::move(*port);
    place.port = port_.number();
  }
  const Entry& entry = *order_.entry;
  auto command = entry.engine->command(entry.model, place);
  if (!command) return std::unexpected(std::move(command.error()));
  const std::vector<std::string> ours = system::own_environment();
  system::ProcessSpec spec;
  spec.argv = std::move(command->argv);
  spec.environment = system::worker_environment(ours, command->environment);
  spec.directory = std::move(command->directory);
  auto process = parts_.launcher.spawn(
      spec, {
                .started = [this](int pid) { parts_.log.note(std::format("started, pid {}", pid)); },
                .output = [this](std::string_view bytes) { parts_.log.append(bytes); },
                .exited =
                    [this](const system::ProcessExit& exit) {
                      *alive_ = false;  // what is left of its tree is on its way out, and no more to be believed ready
                      ended_ = to_string(exit);
                      if (exit.how == system::ProcessExit::How::exited) lost_.clear();  // it came before our signal
                      if (!ready_ && !ending_ && exit.clean())
                        ended_ +=
                            " before it was ready; if it goes to the background, tell it to stay in the foreground";
                      parts_.log.flush();
                      parts_.log.note(ended_);
                    },
                .gone = [this] { process_gone(); },
            });
  if (!process) return std::unexpected(std::move(process.error()));
  process_ = std::move(*process);
  *std::exchange(alive_, std::make_shared<bool>(true)) = false;
  // The probe is nobody's but the worker's: it ends with it, at the latest when its pause or its request does.
  boost::asio::co_spawn(parts_.io.get_executor(), probe(), boost::asio::detached);
  return {};
}

void Worker::process_gone() {
  *alive_ = false;
  if (lost_its_port()) {
    const std::uint16_t port = port_.number();
    if (attempts_ < kAttempts) {
      parts_.log.note(std::format("another program has taken port {}: trying another port", port));
      if (spawn()) return;
    } else {
      const std::string why = found_others_ ? "" : "; " + ended_;  // our own killing it says nothing
      ended_ = std::format("other programs have taken the {} ports that it was given, the last of them {}{}", attempts_,
                           port, why);
    }
  }
  callbacks_.gone(last_words(lost_.empty() ? ended_ : lost_));
}

// Its tree is gone: whoever is there now is somebody else.
bool Worker::lost_its_port() const {
  return !socket_ && !ready_ && !ending_ && (found_others_ || system::Ports::is_taken(port_.number()));
}

// The first line given, and below that the last lines it wrote.
std::string Worker::last_words(std::string first) const {
  for (const system::LogLine& line : parts_.log.written_since(first_line_, kLastLines)) first += "\n" + line.text;
  return first;
}

http::Task<Result<void>> Worker::trim() {
  if (!contract_.trim) {
    co_return fail(Code::conflict, std::format("model \"{}\" cannot be trimmed: its entry names no way to; a program "
                                               "that drops its caches when asked has trim: {{path: /…}}",
                                               order_.entry->model.id));
  }
  const config::Hook hook = *contract_.trim;
  const std::string name = order_.entry->model.id;
  const auto status = co_await ask(parts_.upstreams, address_, hook, later(parts_.clock.now(), kTrimTime));
  if (!status) {
    const Error& why = status.error();
    co_return fail(why.code, std::format("model \"{}\" was not trimmed: {}", name, why.message), why.context);
  }
  if (is_well(*status)) co_return Result<void>{};
  co_return fail(Code::upstream_failed, std::format("model \"{}\" was not trimmed: its program answered {} {} with {}",
                                                    name, hook.method, hook.path, *status));
}

http::Task<Result<core::Placement>> Worker::ask_what_it_takes() {
  if (!contract_.estimate) co_return core::Placement{};
  const config::Hook hook = *contract_.estimate;
  auto answer = co_await ask_all(parts_.upstreams, address_, hook, later(parts_.clock.now(), kHealthTime));
  Result<core::Placement> says;
  if (!answer)
    says = std::unexpected(std::move(answer.error()));
  else if (!is_well(answer->status))
    says = fail(Code::upstream_failed, std::format("{} and not 2xx", answer->status));
  else
    says = engine::read_program_estimate(answer->body);
  if (!says) says.error().message = std::format("{} {}: {}", hook.method, hook.path, says.error().message);
  co_return says;
}

void Worker::doubt(std::string why) {
  if (ending_ || std::exchange(doubted_, true)) return;
  boost::asio::co_spawn(parts_.io.get_executor(), ask_whether_well(std::move(why)), boost::asio::detached);
}

http::Task<void> Worker::ask_whether_well(std::string why) {
  const std::shared_ptr<bool> alive = alive_;  // shared with the worker, which ends it
  const config::Hook health{.method = "GET", .path = contract_.health_path, .body = {}};
  const auto status = co_await ask(parts_.upstreams, address_, health, later(parts_.clock.now(), kHealthTime));
  if (!*alive) co_return;
  doubted_ = false;
  if (ending_ || (status && *status == 200)) co_return;
  parts_.launcher.explain_oom_kill();
  end_as_lost(std::format("{}, and it is no longer well: GET {}: {}", why, health.path,
                          status ? std::format("{} and not 200", *status)
                                 : std::format("{} ({})", status.error().message, status.error().context)));
}

void Worker::end_if_deaf() {
  if (ending_ || std::exchange(doubted_, true)) return;
  boost::asio::co_spawn(parts_.io.get_executor(), see_whether_it_listens(), boost::asio::detached);
}

http::Task<void> Worker::see_whether_it_listens() {
  const std::shared_ptr<bool> alive = alive_;  // shared with the worker, which ends it
  bool deaf = true;
  for (int look = 0; deaf && look < 2; ++look) {  // it may only be changing its socket, or about to end
    if (look > 0) {
      pause_.expires_after(kBetweenLooks);
      co_await pause_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
      if (!*alive) co_return;
    }
    parts_.upstreams.close_idle(address_);  // one that was made before says nothing of others
    http::Call call(parts_.upstreams, address_, later(parts_.clock.now(), kHealthTime));
    const auto head = co_await call.send({.method = "GET", .target = contract_.health_path});
    if (!*alive) co_return;
    deaf = !head && call.nobody_listens();
  }
  doubted_ = false;
  if (deaf && !ending_) end_as_lost("nobody listens any more where it was told to");
}

void Worker::end_as_lost(std::string why) {
  lost_ = std::move(why);
  parts_.log.note(lost_);
  process_->kill();
}

void Worker::sleep() {
  boost::asio::co_spawn(parts_.io.get_executor(), tell(contract_.sleep->sleep, callbacks_.slept),
                        boost::asio::detached);
}

void Worker::wake() {
  boost::asio::co_spawn(parts_.io.get_executor(), tell(contract_.sleep->wake, callbacks_.woken), boost::asio::detached);
}

// Whoever told it gives it up when it takes too long; then its end ends this.
http::Task<void> Worker::tell(config::Hook hook, std::function<void()> done) {
  const std::shared_ptr<bool> alive = alive_;  // shared with the worker, which ends it
  const auto status = co_await ask(parts_.upstreams, address_, hook, kNever);
  if (!*alive || ending_) co_return;
  if (status && is_well(*status)) {
    done();
    co_return;
  }
  std::string why = std::format("{} {}: {}", hook.method, hook.path,
                                status ? std::format("{} and not 2xx", *status) : status.error().message);
  parts_.log.note(why);
  callbacks_.restless(std::move(why));
}

void Worker::stop() {
  ending_ = true;
  parts_.upstreams.close_idle(address_);
  process_->terminate();
}

void Worker::kill() {
  ending_ = true;
  process_->kill();
}

// Who is where it is to listen. A Unix socket stands in a folder that is ours alone.
Worker::There Worker::look() {
  if (socket_) return There::worker;
  const system::Listener found = system::find_listener(port_.number(), process_->root());
  switch (found.whose) {
    case system::Listener::Whose::nobodys: return There::nobody;
    case system::Listener::Whose::of_others: return There::somebody_else;
    case system::Listener::Whose::of_the_tree: address_ = http::tcp_address(found.host, port_.number());
  }
  return There::worker;
}

// Looks, and asks the health path until it answers 200: after 2 ms, then every fiftieth of the time that has passed,
// 250 ms at most.
http::Task<void> Worker::probe() {
  const std::shared_ptr<bool> alive = alive_;  // shared with the worker, which ends it
  bool others = false;
  while (*alive) {
    const There there = look();
    // A socket that its tree hands on from one process to another can be overlooked once.
    if (there == There::somebody_else && std::exchange(others, true)) {
      found_others_ = true;
      parts_.log.note(std::format("another program listens on port {}", port_.number()));
      process_->kill();
      co_return;
    }
    others = there == There::somebody_else;
    if (there != There::worker) {
      seen_ = "nobody listens where it was told to";
    } else {
      const TimePoint until = std::min(order_.until, parts_.clock.now() + kHealthTime);
      const config::Hook health{.method = "GET", .path = contract_.health_path, .body = {}};
      const auto status = co_await ask(parts_.upstreams, address_, health, until);
      if (!*alive) co_return;
      if (status && *status == 200) {
        auto says = co_await ask_what_it_takes();
        if (!*alive) co_return;
        ready_ = true;
        callbacks_.ready(std::move(says));
        co_return;
      }
      const bool cut_short = !status && until == order_.until && status.error().code == Code::deadline;
      if (!cut_short || seen_.empty()) {  // the last look says less than the one before
        seen_ = std::format("GET {}: {}", contract_.health_path,
                            status ? std::format("{} and not 200", *status) : status.error().message);
      }
    }
    const TimePoint now = parts_.clock.now();
    if (now >= order_.until) {
      ending_ = true;
      const auto waited = std::chrono::round<std::chrono::seconds>(now - started_);
      callbacks_.failed(last_words(std::format("not ready after {} s: {}", waited.count(), seen_)));
      co_return;
    }
    pause_.expires_at(
        std::min(order_.until, now + std::clamp<Duration>((now - started_) / 50, std::chrono::milliseconds(2),
                                                          std::chrono::milliseconds(250))));
    co_await pause_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
  }
}

}  // namespace rouse::daemon
