#include "daemon/worker.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <format>
#include <utility>

#include "system/environment.hpp"

namespace rouse::daemon {

Worker::Worker(boost::asio::io_context& io, const Clock& clock, http::UpstreamPool& upstreams,
               std::shared_ptr<const Entry> entry, system::SocketPath socket, system::WorkerLog& log,
               Callbacks callbacks)
    : clock_(clock),
      upstreams_(upstreams),
      entry_(std::move(entry)),
      socket_(std::move(socket)),
      address_(http::unix_address(socket_.path())),
      log_(log),
      callbacks_(std::move(callbacks)),
      started_(clock.now()),
      first_line_(log.next_number()),
      pause_(io),
      alive_(std::make_shared<bool>(true)) {}

Worker::~Worker() {
  *alive_ = false;
  upstreams_.close_idle(address_);
}

Result<std::unique_ptr<Worker>> Worker::start(boost::asio::io_context& io, const Clock& clock,
                                              system::Launcher& launcher, const system::RuntimeDir& runtime,
                                              http::UpstreamPool& upstreams, WorkerId id,
                                              std::shared_ptr<const Entry> entry, system::WorkerLog& log,
                                              Callbacks callbacks) {
  system::SocketPath socket = runtime.socket(std::format("worker-{}", id.value));
  auto command = entry->engine->command(entry->model, socket.path());
  if (!command) return std::unexpected(std::move(command.error()));
  const std::vector<std::string> ours = system::own_environment();
  system::ProcessSpec spec;
  spec.argv = std::move(command->argv);
  spec.environment = system::worker_environment(ours, command->environment);

  std::unique_ptr<Worker> worker(
      new Worker(io, clock, upstreams, std::move(entry), std::move(socket), log, std::move(callbacks)));
  Worker* self = worker.get();
  auto process =
      launcher.spawn(spec, {
                               .started = [self](int pid) { self->log_.note(std::format("started, pid {}", pid)); },
                               .output = [self](std::string_view bytes) { self->log_.append(bytes); },
                               .exited =
                                   [self](const system::ProcessExit& exit) {
                                     self->ended_ = to_string(exit);
                                     self->log_.flush();
                                     self->log_.note(self->ended_);
                                   },
                               .gone = [self] { self->callbacks_.gone(self->last_words()); },
                           });
  if (!process) return std::unexpected(std::move(process.error()));
  worker->process_ = std::move(*process);
  // The probe is nobody's but the worker's: it ends with it, at the latest when its pause or its request does.
  boost::asio::co_spawn(io.get_executor(), worker->probe(), boost::asio::detached);
  return worker;
}

// How it ended, and below that the last lines it wrote.
std::string Worker::last_words() const {
  std::string text = ended_;
  for (const system::LogLine& line : log_.written_since(first_line_, 5)) text += "\n" + line.text;
  return text;
}

void Worker::stop() {
  upstreams_.close_idle(address_);
  process_->terminate();
}

void Worker::kill() { process_->kill(); }

// Asks the health path until it answers 200: after 2 ms, then every fiftieth of the time that has passed, 250 ms at
// most.
http::Task<void> Worker::probe() {
  const std::shared_ptr<bool> alive = alive_;  // shared with the worker
  const TimePoint started = started_;
  const Clock& clock = clock_;
  http::UpstreamPool& upstreams = upstreams_;
  const http::Address address = address_;
  const std::string target(entry_->engine->health_path);
  while (*alive) {
    const auto answer = co_await http::request(upstreams, address, {.target = target},
                                               clock.now() + std::chrono::seconds(5), 64 * 1024);
    if (!*alive) co_return;
    if (answer && answer->status == 200) {
      callbacks_.ready();
      co_return;
    }
    const Duration elapsed = clock.now() - started;
    pause_.expires_after(
        std::clamp<Duration>(elapsed / 50, std::chrono::milliseconds(2), std::chrono::milliseconds(250)));
    co_await pause_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
  }
}

}  // namespace rouse::daemon
