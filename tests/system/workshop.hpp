// What the process tests work with: an io_context that runs until something is true, and a worker that remembers.
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "system/environment.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace rouse::system::test {

inline constexpr auto kBound = std::chrono::seconds(20);

struct Workshop {
  boost::asio::io_context io;
  std::unique_ptr<Launcher> launcher = Launcher::create(io).value();

  template <class Condition>
  void run_until(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + kBound;
    while (!condition()) {
      io.restart();
      io.run_one_until(until);
      if (std::chrono::steady_clock::now() >= until) FAIL("waited in vain");
    }
  }
};

struct Worker {
  std::string output;
  bool started = false;
  std::optional<ProcessExit> exit;
  std::string output_at_exit;
  bool gone = false;
  std::unique_ptr<Process> process;

  ProcessCallbacks callbacks() {
    return {.started = [this](int) { started = true; },
            .output = [this](std::string_view bytes) { output += bytes; },
            .exited =
                [this](const ProcessExit& how) {
                  CHECK_FALSE(exit.has_value());
                  exit = how, output_at_exit = output;
                },
            .gone =
                [this] {
                  CHECK_FALSE(gone);
                  CHECK(exit.has_value());
                  gone = true;
                }};
  }

  // True once `text` was written; the number behind it, when asked for.
  bool wrote(const std::string& text) const { return output.find(text) != std::string::npos; }
  int number_after(const std::string& text) const {
    return std::atoi(output.c_str() + output.find(text) + text.size());
  }
};

inline ProcessSpec command(std::vector<std::string> argv) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

inline ProcessSpec shell(const std::string& script) { return command({"sh", "-c", script}); }

inline void start(Workshop& shop, Worker& worker, const ProcessSpec& spec) {
  auto process = shop.launcher->spawn(spec, worker.callbacks());
  if (!process) FAIL(process.error().message << ' ' << process.error().context);
  worker.process = std::move(*process);
}

inline void run(Workshop& shop, Worker& worker, const ProcessSpec& spec) {
  start(shop, worker, spec);
  shop.run_until([&] { return worker.gone; });
}

// Waits, bounded, until the process has ended. A zombie has ended.
inline bool ends(int pid) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.open()) return true;
  pollfd ended{pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(kBound).count())) == 1;
}

}  // namespace rouse::system::test
