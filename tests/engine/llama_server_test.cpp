// A real llama-server with the demo model: it takes our command, and needs about what we said it would.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <optional>

#include "engine/llama.hpp"
#include "system/environment.hpp"
#include "system/fd.hpp"
#include "system/host_memory.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"
#include "system/worker_log.hpp"

using namespace rouse;
using namespace rouse::engine;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

constexpr auto kBound = std::chrono::minutes(2);

// The whole answer to one request on a Unix socket, or nothing when nobody listens there.
std::optional<std::string> ask(const std::string& socket, const std::string& request) {
  const system::Fd file(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  if (::connect(file.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  if (::send(file.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return {};
  std::string answer;
  char bytes[4096];
  for (ssize_t got = 0; (got = ::recv(file.get(), bytes, sizeof bytes, 0)) > 0;) {
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  return answer;
}

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"; }

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Server {
  boost::asio::io_context io;
  std::unique_ptr<system::Launcher> launcher = system::Launcher::create(io).value();
  system::RuntimeDir folder = system::RuntimeDir::create(system::RuntimeDir::default_parents()).value();
  system::SocketPath socket = folder.socket("worker");
  SystemClock clock;
  system::WorkerLog log{clock};
  std::optional<system::ProcessExit> exit;
  bool gone = false;
  std::unique_ptr<system::Process> process;

  explicit Server(const config::Model& model) {
    const Command command = kLlama.command(model, {.socket = socket.path()}).value();
    system::ProcessSpec spec;
    spec.argv = command.argv;
    spec.environment = system::worker_environment(system::own_environment(), command.environment);
    process = launcher
                  ->spawn(spec, {.started = {},
                                 .output = [this](std::string_view bytes) { log.append(bytes); },
                                 .exited = [this](const system::ProcessExit& how) { exit = how; },
                                 .gone = [this] { gone = true; }})
                  .value();
  }

  template <class Condition>
  void run_until(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + kBound;
    boost::asio::steady_timer again(io);
    while (!condition()) {
      again.expires_after(std::chrono::milliseconds(5));
      again.async_wait([](auto) {});
      io.restart();
      io.run_one();
      if (std::chrono::steady_clock::now() >= until) FAIL("waited in vain");
    }
  }

  bool ready() {
    if (exit) FAIL("llama-server ended: " << to_string(*exit));
    const auto answer = ask(socket.path(), get(kLlama.contract({}).health_path));
    return answer && answer->starts_with("HTTP/1.1 200");
  }
};

config::Model demo(std::uint32_t context) {
  config::Model model;
  model.id = "rouse-demo";
  config::Llama options;
  options.source = DEMO_MODEL;
  options.context = context;
  options.threads = 1;
  model.engine = options;
  return model;
}

double mib_of(Bytes bytes) { return static_cast<double>(bytes.count) / (1 << 20); }

}  // namespace

TEST_CASE("llama-server starts as told, answers, needs what was estimated, and ends when asked") {
  for (const std::uint32_t context : {1024U, 65536U}) {
    const config::Model model = demo(context);
    Server server(model);
    server.run_until([&] { return server.ready(); });

    const auto answer = ask(server.socket.path(),
                            post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"What is Rouse?"}],)"
                                                         R"("max_tokens":8,"temperature":0})"));
    REQUIRE(answer);
    CHECK_THAT(*answer, StartsWith("HTTP/1.1 200"));
    CHECK_THAT(*answer, ContainsSubstring("\"model\":\"rouse-demo\""));
    CHECK_THAT(*ask(server.socket.path(), get("/")), StartsWith("HTTP/1.1 404"));  // no pages

    const system::TreeMemory taken = system::tree_memory(server.process->root());
    const double real = mib_of(taken.held() + taken.file);
    const double estimated = mib_of(kLlama.estimate(model)->total());
    INFO("context " << context << ": estimated " << estimated << " MiB, taken " << real << " MiB");
    CHECK(estimated > real * 0.75);
    CHECK(estimated < real * 1.5);

    // Asked again when it did not hear: it does not listen while it is just becoming ready.
    server.process->terminate();
    const auto begin = std::chrono::steady_clock::now();
    server.run_until(
        [&] { return server.gone || std::chrono::steady_clock::now() > begin + kLlama.contract({}).grace; });
    if (!server.gone) server.process->kill();
    server.run_until([&] { return server.gone; });
    CHECK(server.exit->asked);
  }
}

TEST_CASE("a model that is no model ends llama-server with a reason in its log") {
  config::Model model = demo(512);
  std::get<config::Llama>(model.engine).source = "/etc/passwd";
  CHECK_FALSE(kLlama.estimate(model));
  Server server(model);
  server.run_until([&] { return server.gone; });
  CHECK(server.exit->how == system::ProcessExit::How::exited);
  CHECK(server.exit->status != 0);
  std::string log;
  for (const system::LogLine& line : server.log.tail(1000)) log += line.text + '\n';
  CHECK_THAT(log, ContainsSubstring("/etc/passwd"));
}
