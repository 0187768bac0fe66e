// owner ARG…: spawns the command as a worker, passes its output on, and lives until it is killed. Says "root PID" once
// the worker's program runs. What a daemon is to its workers, without the rest of a daemon.
#include <cstdio>
#include <span>

#include "system/environment.hpp"
#include "system/process.hpp"

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  boost::asio::io_context io;
  auto launcher = rouse::system::Launcher::create(io);
  if (!launcher) return 1;
  rouse::system::ProcessSpec spec;
  spec.argv.assign(arguments.begin() + 1, arguments.end());
  spec.environment = rouse::system::worker_environment(rouse::system::own_environment(), {});
  std::unique_ptr<rouse::system::Process> worker;
  auto spawned = (*launcher)->spawn(
      spec,
      {
          .started = [&](int) { std::printf("root %d\n", worker->root()), std::fflush(stdout); },
          .output =
              [](std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout), std::fflush(stdout); },
          .exited = {},
          .gone = {},
      });
  if (!spawned) return 1;
  worker = std::move(*spawned);
  io.run();
}
