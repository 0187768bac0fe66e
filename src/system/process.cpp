#include "system/process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <utility>

#include "system/process_state.hpp"

namespace rouse::system {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// A worker that writes more than this is made to wait, so that its noise costs the owner thread little.
constexpr std::size_t kOutputWindowBytes = 1024 * 1024;
constexpr auto kOutputWindow = std::chrono::milliseconds(250);
constexpr std::size_t kLastWords = 1024 * 1024;  // read at most, once the worker has ended

// How long the end of a tree is awaited where nothing can be awaited in the background any more.
constexpr int kLastWaitMs = 5000;

}  // namespace

Process::Process(std::shared_ptr<State> state) : state_(std::move(state)) {}
Process::~Process() { state_->abandon(); }
int Process::pid() const { return state_->worker(); }
int Process::root() const { return state_->supervisor(); }
void Process::terminate() { state_->order(Order::terminate); }
void Process::kill() { state_->order(Order::kill); }

Process::State::State(std::shared_ptr<Launcher::Shared> shared, ProcessCallbacks callbacks, Channels channels,
                      int supervisor)
    : shared_(std::move(shared)),
      callbacks_(std::move(callbacks)),
      socket_(shared_->io, channels.socket.release()),
      output_(shared_->io, channels.output.release()),
      supervisor_pidfd_(shared_->io, channels.supervisor.release()),
      stray_pidfd_(shared_->io),
      output_pause_(shared_->io),
      supervisor_(supervisor) {
  output_.native_non_blocking(true);
  shared_->processes.insert(this);
}

Process::State::~State() {
  end_and_wait();
  shared_->processes.erase(this);
}

void Process::State::begin() {
  await_report();
  await_supervisor();
  await_output();
}

void Process::State::order(Order order) {
  if (gone_) return;
  asked_ = true;
  killed_ = killed_ || order == Order::kill;
  const char letter = static_cast<char>(order);
  // Fails only when the supervisor is gone, and then so is the worker.
  (void)::send(socket_.native_handle(), &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Process::State::abandon() {
  abandoned_ = true;
  asked_ = killed_ = true;
  error_code ignored;
  socket_.close(ignored);  // to the supervisor this is the end of the daemon
  output_.close(ignored);
  output_pause_.cancel();
}

void Process::State::end_and_wait() {
  abandon();
  if (reaped_) return;
  pollfd ended{supervisor_pidfd_.native_handle(), POLLIN, 0};
  while (::poll(&ended, 1, kLastWaitMs) < 0 && errno == EINTR) {
  }
  reap_supervisor();
}

void Process::State::await_report() {
  socket_.async_wait(asio::posix::descriptor_base::wait_read, [self = shared_from_this()](error_code error) {
    if (!error) self->take_reports();
  });
}

void Process::State::await_supervisor() {
  supervisor_pidfd_.async_wait(asio::posix::descriptor_base::wait_read, [self = shared_from_this()](error_code error) {
    if (!error) self->supervisor_ended();
  });
}

void Process::State::await_output() {
  output_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t bytes) {
    if (!error) self->take_output(bytes);
  });
}

void Process::State::take_reports() {
  for (;;) {
    Report report;
    const auto got = ::recv(socket_.native_handle(), &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return await_report();
    if (got != static_cast<ssize_t>(sizeof report)) return;  // closed: the supervisor ends
    take(report);
    if (abandoned_) return;
  }
}

void Process::State::take(const Report& report) {
  switch (report.kind) {
    case Report::Kind::started:
      worker_ = report.value;
      if (callbacks_.started) callbacks_.started(worker_);
      return;
    case Report::Kind::failed: return ended({ProcessExit::How::not_started, report.value, asked_});
    case Report::Kind::exited: {
      const auto exit = judge_exit(report.value, asked_, killed_, shared_->kills.unexplained(oom_kills()));
      if (exit.how == ProcessExit::How::out_of_memory) shared_->kills.explain_one();
      return ended(exit);
    }
  }
}

void Process::State::take_output(std::size_t bytes) {
  if (abandoned_) return;
  if (callbacks_.output) callbacks_.output({buffer_.data(), bytes});
  if (abandoned_ || gone_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now >= window_ends_) {
    window_ends_ = now + kOutputWindow;
    output_in_window_ = 0;
  }
  output_in_window_ += bytes;
  if (output_in_window_ < kOutputWindowBytes) return await_output();
  output_pause_.expires_at(window_ends_);
  output_pause_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->gone_) self->await_output();
  });
}

// What is in the pipe now, without waiting: the last words before an exit is told.
void Process::State::drain_output() {
  std::array<char, 4096> portion;
  for (std::size_t drained = 0; drained < kLastWords && !abandoned_;) {
    const auto got = ::read(output_.native_handle(), portion.data(), portion.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    drained += static_cast<std::size_t>(got);
    if (callbacks_.output) callbacks_.output({portion.data(), static_cast<std::size_t>(got)});
  }
}

void Process::State::ended(const ProcessExit& exit) {
  if (exit_told_) return;  // of a worker that was not started, the forked process' own exit
  exit_told_ = true;
  drain_output();
  if (!abandoned_ && callbacks_.exited) callbacks_.exited(exit);
}

bool Process::State::reap_supervisor() {
  siginfo_t info{};
  const auto pidfd = static_cast<id_t>(supervisor_pidfd_.native_handle());
  int result = 0;
  do result = ::waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG);
  while (result < 0 && errno == EINTR);
  reaped_ = result < 0 || info.si_pid != 0;
  return reaped_;
}

void Process::State::supervisor_ended() {
  if (!reap_supervisor()) return await_supervisor();
  if (!abandoned_) take_reports();
  await_stray();
}

// Whoever outlived the supervisor came to us: when it was killed. Its own exit says that nobody did.
void Process::State::await_stray() {
  const std::vector<int> strays = shared_->strays();
  for (const int pid : strays) ::kill(pid, SIGKILL);
  if (!strays.empty()) {
    const int stray = strays.front();
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, stray, 0));
    if (pidfd >= 0) {
      stray_pidfd_ = asio::posix::stream_descriptor(shared_->io, pidfd);
      return stray_pidfd_.async_wait(asio::posix::descriptor_base::wait_read,
                                     [self = shared_from_this(), stray](error_code error) {
                                       if (error) return;
                                       (void)::waitpid(stray, nullptr, WNOHANG);
                                       self->await_stray();
                                     });
    }
  }
  if (!exit_told_ && !abandoned_) ended({ProcessExit::How::signalled, SIGKILL, asked_});
  finish();
}

void Process::State::finish() {
  if (!abandoned_) drain_output();
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
  output_.close(ignored);
  output_pause_.cancel();
  supervisor_pidfd_.close(ignored);
  stray_pidfd_.close(ignored);
  shared_->processes.erase(this);
  if (!abandoned_ && callbacks_.gone) callbacks_.gone();
}

}  // namespace rouse::system
