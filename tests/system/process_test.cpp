#include "system/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <format>
#include <fstream>

#include "workshop.hpp"

using namespace rouse;
using namespace rouse::system;
using namespace rouse::system::test;
using Catch::Matchers::ContainsSubstring;
using How = ProcessExit::How;

TEST_CASE("a worker gets exactly the arguments it was given") {
  Workshop shop;
  Worker worker;
  run(shop, worker,
      command({"sh", "-c", R"(for a; do printf '[%s]' "$a"; done)", "name", "", "two words", "\"q'\\", "$(id) `id` *",
               "line\nbreak", "--", "ünï"}));
  CHECK(worker.output == "[][two words][\"q'\\][$(id) `id` *][line\nbreak][--][ünï]");
  CHECK(worker.exit->clean());
}

TEST_CASE("a worker gets exactly the environment it was given") {
  ::setenv("ROUSE_TEST_SECRET", "hidden", 1);
  Workshop shop;
  Worker worker;
  auto spec = command({"/usr/bin/env"});
  spec.environment = {"A=1", "B=two words"};
  run(shop, worker, spec);
  CHECK(worker.output == "A=1\nB=two words\n");
}

TEST_CASE("a worker has no descriptors of ours, and reads nothing from stdin") {
  const Fd ours(::open("/dev/null", O_RDONLY));  // not close-on-exec, on purpose
  Workshop shop;
  Worker worker;
  run(shop, worker, shell("read line; echo \"read: $?\"; cd /proc/$$/fd && echo *; readlink 0"));
  CHECK_THAT(worker.output, ContainsSubstring("read: 1\n"));
  CHECK_THAT(worker.output, ContainsSubstring("\n0 1 2"));
  CHECK_THAT(worker.output, !ContainsSubstring("0 1 2 3 4"));  // sh keeps one for its own script at most
  CHECK_THAT(worker.output, ContainsSubstring("/dev/null\n"));
}

TEST_CASE("a worker starts with default signals, also where ours are ignored or blocked") {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  Workshop shop;
  Worker worker;
  run(shop, worker, command({"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}));
  ::signal(SIGPIPE, before);
  CHECK(worker.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("a worker leads a group of its own, in the directory it was given") {
  Workshop shop;
  Worker worker;
  auto spec = command({"sh", "-c", "read -r stat </proc/self/stat; echo \"$$ $(pwd) $stat\""});
  spec.directory = "/usr";
  run(shop, worker, spec);
  int pid = 0, of_stat = 0, parent = 0, group = 0, session = 0;
  char folder[16] = "", name[32] = "", state = 0;
  REQUIRE(std::sscanf(worker.output.c_str(), "%d %15s %d %31s %c %d %d %d", &pid, folder, &of_stat, name, &state,
                      &parent, &group, &session) == 8);
  CHECK(std::string(folder) == "/usr");
  CHECK(group == pid);
}

TEST_CASE("a worker is a better victim of the OOM killer than we are") {
  int ours = 0;
  std::ifstream("/proc/self/oom_score_adj") >> ours;
  Workshop shop;
  Worker worker;
  run(shop, worker, command({"cat", "/proc/self/oom_score_adj"}));
  CHECK(std::atoi(worker.output.c_str()) == std::min(ours + 500, 1000));
}

TEST_CASE("we may have all the descriptors there are, and a worker as many as we had") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit fewer{before.rlim_max - 1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &fewer) == 0);
  {
    Workshop shop;
    rlimit ours{};
    ::getrlimit(RLIMIT_NOFILE, &ours);
    CHECK(ours.rlim_cur == before.rlim_max);
    Worker worker;
    run(shop, worker, shell("ulimit -Sn; ulimit -Hn"));
    CHECK(worker.output == std::format("{}\n{}\n", fewer.rlim_cur, before.rlim_max));
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("exit codes and signals come through as they are") {
  Workshop shop;
  for (const int code : {0, 1, 7, 126, 127, 255}) {
    Worker worker;
    run(shop, worker, shell("exit " + std::to_string(code)));
    CHECK(worker.exit->how == How::exited);
    CHECK(worker.exit->status == code);
    CHECK_FALSE(worker.exit->asked);
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGKILL, SIGTERM}) {
    Worker worker;
    run(shop, worker, shell("kill -" + std::to_string(signal) + " $$"));
    CHECK(worker.exit->how == How::signalled);
    CHECK(worker.exit->status == signal);
    CHECK_FALSE(worker.exit->asked);
  }
}

TEST_CASE("terminate asks politely, kill does not ask") {
  Workshop shop;
  Worker polite;
  start(shop, polite, shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done"));
  shop.run_until([&] { return polite.wrote("ready"); });
  polite.process->terminate();
  shop.run_until([&] { return polite.gone; });
  CHECK(polite.exit->how == How::exited);
  CHECK(polite.exit->status == 3);
  CHECK(polite.exit->asked);
  CHECK_THAT(polite.output_at_exit, ContainsSubstring("bye\n"));

  Worker deaf;
  start(shop, deaf, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
  shop.run_until([&] { return deaf.wrote("ready"); });
  deaf.process->terminate();
  deaf.process->kill();
  shop.run_until([&] { return deaf.gone; });
  CHECK(deaf.exit->how == How::signalled);
  CHECK(deaf.exit->status == SIGKILL);
  CHECK(deaf.exit->asked);
}

TEST_CASE("terminate right after spawn is not lost") {
  Workshop shop;
  for (int i = 0; i < 20; ++i) {
    Worker worker;
    start(shop, worker, command({"sleep", "1000"}));
    worker.process->terminate();
    shop.run_until([&] { return worker.gone; });
    CHECK(worker.exit->status == SIGTERM);
  }
}

TEST_CASE("a program that is not there is an error at once, which says what was looked for") {
  Workshop shop;
  Worker worker;
  const auto missing = shop.launcher->spawn(command({"no-such-program"}), worker.callbacks());
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::load_failed);
  CHECK_THAT(missing.error().message, ContainsSubstring("no-such-program"));
  CHECK_THAT(missing.error().context, ContainsSubstring("/usr/bin:/bin"));

  const auto path = shop.launcher->spawn(command({"/no/such/program"}), worker.callbacks());
  REQUIRE_FALSE(path);
  CHECK_THAT(path.error().message, ContainsSubstring("No such file"));
  CHECK_THAT(path.error().context, ContainsSubstring("/no/such/program"));

  const auto no_program = shop.launcher->spawn(command({"/etc/passwd"}), worker.callbacks());
  REQUIRE_FALSE(no_program);
  CHECK_THAT(no_program.error().message, ContainsSubstring("Permission denied"));

  auto nowhere = command({"true"});
  nowhere.directory = "/no/such/folder";
  CHECK_FALSE(shop.launcher->spawn(nowhere, worker.callbacks()));
  CHECK_FALSE(shop.launcher->spawn(command({}), worker.callbacks()));
}

TEST_CASE("a file that cannot be executed after all is told as such, with its errno") {
  const std::string path = "/tmp/rouse-test-not-a-program-" + std::to_string(::getpid());
  std::ofstream(path) << "this is no program\n";
  ::chmod(path.c_str(), 0755);
  Workshop shop;
  Worker worker;
  run(shop, worker, command({path}));
  std::filesystem::remove(path);
  CHECK_FALSE(worker.started);
  CHECK(worker.exit->how == How::not_started);
  CHECK(worker.exit->status == ENOEXEC);
  CHECK_THAT(to_string(*worker.exit), ContainsSubstring("Exec format error"));
}

TEST_CASE("the last words before an exit are heard before the exit") {
  Workshop shop;
  for (int i = 0; i < 20; ++i) {
    Worker worker;
    run(shop, worker, shell("i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; echo last >&2; exit 1"));
    CHECK(worker.output_at_exit.ends_with("line 199\nlast\n"));
  }
}

TEST_CASE("a worker that floods its log is slowed down, and still obeys") {
  Workshop shop;
  Worker worker;
  start(shop, worker, command({"yes", "noise"}));
  const auto begin = std::chrono::steady_clock::now();
  constexpr std::size_t kPlenty = 3U << 20;
  shop.run_until([&] { return worker.output.size() >= kPlenty; });
  // One MiB in each quarter of a second: the third one is not heard before half a second has passed.
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(400));
  worker.process->terminate();
  shop.run_until([&] { return worker.gone; });
  CHECK(worker.exit->status == SIGTERM);
}

TEST_CASE("starting and ending workers leaves nothing behind") {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  Workshop shop;
  Worker first;
  run(shop, first, command({"true"}));
  first.process.reset();
  const auto before = open_files();
  for (int i = 0; i < 50; ++i) {
    Worker worker;
    run(shop, worker, command({"true"}));
    CHECK(worker.process->root() == 0);
  }
  Worker unknown;
  CHECK_FALSE(shop.launcher->spawn(command({"no-such-program"}), unknown.callbacks()));
  shop.io.restart();
  shop.io.poll();
  CHECK(open_files() == before);
  std::string children;
  std::getline(std::ifstream("/proc/thread-self/children"), children);
  CHECK(children.empty());
}
