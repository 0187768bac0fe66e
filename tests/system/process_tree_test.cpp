// Whatever happens to whom: nothing of a worker's tree survives.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>

#include "system/host_memory.hpp"
#include "workshop.hpp"

using namespace rouse;
using namespace rouse::system;
using namespace rouse::system::test;

namespace {

// Starts a grandchild that leaves the worker's group and session, loses its parent, and ignores what it can.
constexpr auto kEscape =
    "(setsid sh -c \"trap '' TERM HUP INT; echo escaped \\$\\$ end; while :; do sleep 1000; done\" &) ; ";

bool escaped(const Worker& worker) { return worker.wrote(" end\n"); }

}  // namespace

TEST_CASE("what a worker leaves behind is killed, and gone when we say so") {
  Workshop shop;
  Worker worker;
  start(shop, worker, shell(std::string(kEscape) + "read nothing </dev/zero & while :; do sleep 0.01; done"));
  shop.run_until([&] { return escaped(worker); });
  const int grandchild = worker.number_after("escaped ");
  const int root = worker.process->root();
  CHECK(::kill(grandchild, 0) == 0);
  const std::vector<int> tree = descendants(root);
  CHECK(std::ranges::contains(tree, grandchild));
  CHECK(std::ranges::contains(tree, worker.process->pid()));

  ::kill(worker.process->pid(), SIGSEGV);
  shop.run_until([&] { return worker.exit.has_value(); });
  CHECK(worker.exit->how == ProcessExit::How::signalled);
  CHECK(worker.exit->status == SIGSEGV);
  shop.run_until([&] { return worker.gone; });
  for (const int pid : tree) CHECK(::kill(pid, 0) == -1);
  CHECK(tree_memory(root).processes == 0);
}

TEST_CASE("kill takes the whole tree") {
  Workshop shop;
  Worker worker;
  start(shop, worker, shell(std::string(kEscape) + "trap '' TERM; while :; do sleep 0.01; done"));
  shop.run_until([&] { return escaped(worker); });
  const std::vector<int> tree = descendants(worker.process->root());
  worker.process->kill();
  shop.run_until([&] { return worker.gone; });
  for (const int pid : tree) CHECK(::kill(pid, 0) == -1);
  CHECK(worker.exit->asked);
}

TEST_CASE("destroying a Process ends its tree, in the background, without a word") {
  Workshop shop;
  Worker worker;
  start(shop, worker, shell(std::string(kEscape) + "while :; do sleep 0.01; done"));
  shop.run_until([&] { return escaped(worker); });
  const std::vector<int> tree = descendants(worker.process->root());
  worker.process.reset();
  for (const int pid : tree) CHECK(ends(pid));
  shop.run_until([&] { return children(::getpid()).empty(); });  // reaped, too
  CHECK_FALSE(worker.exit.has_value());
  CHECK_FALSE(worker.gone);
}

TEST_CASE("a Process may be destroyed in each of its own callbacks") {
  Workshop shop;
  for (const int where : {0, 1, 2, 3}) {
    Worker worker;
    bool called = false;
    const auto at = [&](int here) {
      if (here == where && worker.process) worker.process.reset(), called = true;
    };
    auto process = shop.launcher->spawn(shell("echo hello"), {.started = [&](int) { at(0); },
                                                              .output = [&](std::string_view) { at(1); },
                                                              .exited = [&](const ProcessExit&) { at(2); },
                                                              .gone = [&] { at(3); }});
    worker.process = std::move(*process);
    shop.run_until([&] { return called && children(::getpid()).empty(); });
  }
}

TEST_CASE("a launcher that ends takes every tree with it, though nobody runs the io_context") {
  std::vector<int> tree;
  {
    Workshop shop;
    Worker worker;
    start(shop, worker, shell(std::string(kEscape) + "while :; do sleep 0.01; done"));
    shop.run_until([&] { return escaped(worker); });
    tree = descendants(worker.process->root());
  }
  REQUIRE(tree.size() >= 2);
  for (const int pid : tree) CHECK(ends(pid));
  CHECK(children(::getpid()).empty());
}

TEST_CASE("when the supervisor is killed its worker dies, and what escaped dies too") {
  Workshop shop;
  Worker worker;
  start(shop, worker, shell(std::string(kEscape) + "while :; do sleep 0.01; done"));
  shop.run_until([&] { return escaped(worker); });
  const std::vector<int> tree = descendants(worker.process->root());
  ::kill(worker.process->root(), SIGKILL);
  shop.run_until([&] { return worker.gone; });
  for (const int pid : tree) CHECK(::kill(pid, 0) == -1);
  CHECK(worker.exit->how == ProcessExit::How::signalled);
  CHECK_FALSE(worker.exit->asked);
}

TEST_CASE("kill -9 of the owner leaves no worker and no grandchild that called setsid") {
  int output[2];
  REQUIRE(::pipe2(output, O_CLOEXEC) == 0);
  Fd reading(output[0]);
  Fd writing(output[1]);
  const std::string script =
      std::string(kEscape) + "echo worker $$ end; trap '' TERM HUP; while :; do sleep 1000; done";
  std::string program = TEST_OWNER, sh = "/bin/sh", flag = "-c", text = script;
  char* const argv[] = {program.data(), sh.data(), flag.data(), text.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  pid_t owner = 0;
  REQUIRE(::posix_spawn(&owner, program.c_str(), &actions, nullptr, argv, environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  writing.reset();

  Worker said;  // for its searching alone
  pollfd readable{reading.get(), POLLIN, 0};
  while (!(said.wrote("escaped ") && said.wrote("worker ") && said.wrote("root ") &&
           std::ranges::count(said.output, '\n') >= 3)) {
    REQUIRE(::poll(&readable, 1, 20'000) == 1);
    char bytes[256];
    const auto got = ::read(reading.get(), bytes, sizeof bytes);
    REQUIRE(got > 0);
    said.output.append(bytes, static_cast<std::size_t>(got));
  }
  const int root = said.number_after("root ");
  std::vector<int> tree = descendants(root);
  CHECK(std::ranges::contains(tree, said.number_after("escaped ")));
  CHECK(std::ranges::contains(tree, said.number_after("worker ")));
  tree.push_back(root);

  ::kill(owner, SIGKILL);
  CHECK(::waitpid(owner, nullptr, 0) == owner);
  for (const int pid : tree) CHECK(ends(pid));
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {  // a test before this one may have made us a subreaper
  }
}
