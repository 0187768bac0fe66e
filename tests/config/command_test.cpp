// Programs of the command engine: what is said of them, and every mistake with its place.
#include <catch2/catch_test_macros.hpp>

#include "from_text.hpp"

namespace rouse::config {
namespace {

using Lines = std::vector<std::string>;

const Filling kFilling{.socket = "/s", .port = "80", .model = "/m", .gpus = "0"};

// One model whose keys stand from line 5 on, at column 5.
std::string with(std::string_view keys) {
  return "models:\n  app:\n    engine: command\n    footprint: {host: 1GiB}\n" + std::string(keys);
}
Command command(std::string_view keys) {
  const auto config = parse(with(keys));
  REQUIRE(config);
  return std::get<Command>(config->models.at(0).engine);
}
Lines mistakes(std::string_view keys) { return problems(with(keys)); }

TEST_CASE("a text with placeholders is filled in") {
  const auto text = parse_template(R"(--a={port},{model}{{port}{"b": {1}} {)");
  REQUIRE(text);
  CHECK(filled(*text, kFilling) == R"(--a=80,/m{port}{"b": {1}} {)");
  CHECK(has(*text, Placeholder::port));
  CHECK_FALSE(has(*text, Placeholder::gpus));
  CHECK(parse_template("{Port}").error() == "Port");
  CHECK(parse_template("")->empty());
}

TEST_CASE("a program is told where to listen, and the rest has defaults") {
  const Command app = command("    command: [./serve, --at, \"{socket}\"]\n");
  CHECK(filled(app.argv.at(0), kFilling) == "/etc/rouse/serve");
  CHECK(filled(app.argv.at(2), kFilling) == "/s");
  CHECK(app.listens == Listens::socket);
  CHECK(app.directory == "/etc/rouse");
  CHECK(app.health == "/health");
  CHECK(app.grace == std::chrono::seconds(10));
  CHECK(filled(command("    command: [python3, \"{port}\"]\n").argv.at(0), kFilling) == "python3");
}

TEST_CASE("the place to listen may stand in the environment") {
  const Command app = command("    command: [serve]\n    env: {PORT: \"{port}\", A: b}\n");
  CHECK(app.listens == Listens::port);
  REQUIRE(app.environment.size() == 2);
  CHECK(app.environment[0].name == "A");
  CHECK(filled(app.environment[1].value, kFilling) == "80");
}

TEST_CASE("an application may have an address of its own, on this machine") {
  const auto config = parse(with("    command: [x, \"{port}\"]\n    listen: localhost:5160\n"));
  REQUIRE(config);
  CHECK(config->models[0].listen == Address{"127.0.0.1", 5160});
  CHECK(config->models[0].concurrency == 1024);
  CHECK(mistakes("    command: [x, \"{port}\"]\n    listen: 127.0.0.1:11450\n") ==
        Lines{"2:3: model \"app\": listen: 127.0.0.1:11450 is where Rouse itself listens"});
}

TEST_CASE("a program must be told where to listen, in one way") {
  CHECK(mistakes("    command: [x]\n") ==
        Lines{"5:5: model \"app\" does not tell its program where to listen; write \"{port}\" (of 127.0.0.1) or "
              "\"{socket}\" "
              "(the path of a Unix socket) in its command or env, as in [python3, app.py, --port, \"{port}\"]"});
  CHECK(mistakes("    env: {A: \"{port}\"}\n    command: [x, \"{socket}\"]\n") ==
        Lines{"6:5: model \"app\" has both {socket} and {port}; keep the one where its program is to listen"});
  CHECK(
      mistakes("    command: [x, \"{port}\", \"{model}\"]\n") ==
      Lines{"5:5: model \"app\" has {model}, which stands for its source, but no source; expected source: a file or a "
            "folder"});
}

TEST_CASE("a placeholder that is none is told with those that are, where it stands") {
  CHECK(
      mistakes("    command: [x, \"{port}\",\n      \"{hots}\"]\n") ==
      Lines{
          "6:7: command: unknown placeholder {hots}; expected {socket}, {port}, {model} or {gpus}; for the characters "
          "themselves write {{hots}"});
  CHECK(mistakes("    command: [x, {port}]\n") ==
        Lines{"5:18: command: expected text, found a map; write a placeholder in quotes: \"{port}\""});
}

TEST_CASE("what a program needs is asked for") {
  CHECK(problems("models: {a: {engine: command, footprint: {host: 1}}}") ==
        Lines{"1:10: model \"a\" has no command; expected command: [python3, app.py, --port, \"{port}\"]"});
  CHECK(problems("models: {a: {engine: command, command: [x, \"{port}\"]}}") ==
        Lines{"1:10: model \"a\" has no footprint; expected footprint: {host: SIZE}, the memory that its program takes "
              "when "
              "it is ready, such as 2GiB"});
  CHECK(mistakes("    command: []\n").at(0) ==
        "5:5: command: expected a list such as [python3, app.py, --port, \"{port}\"], found nothing");
  CHECK(mistakes("    command: [\"{model}\", \"{port}\"]\n").at(0) ==
        "5:15: command: expected a program without placeholders, which are for its arguments, found \"{model}\"");
}

TEST_CASE("a program that sleeps has a way to be woken, and keeps what it says") {
  const Command app = command(
      "    command: [x, \"{port}\"]\n    sleep: {path: /sleep?level=1, body: \"{}\", footprint: {host: 1MiB}, keep: "
      "1h}\n"
      "    wake: {path: /wake, method: PUT}\n");
  REQUIRE(app.sleep);
  CHECK(app.sleep->sleep == Hook{"POST", "/sleep?level=1", "{}"});
  CHECK(app.sleep->wake == Hook{"PUT", "/wake", ""});
  CHECK(app.sleep->footprint == core::Placement{{kHost, mib(1)}});
  CHECK(app.sleep->keep.idle == std::chrono::hours(1));
  CHECK(app.sleep->timeout == std::chrono::seconds(60));
  CHECK_FALSE(command("    command: [x, \"{port}\"]\n").sleep);
  CHECK(command("    command: [x, \"{port}\"]\n    trim: {path: /t}\n").trim == Hook{"POST", "/t", ""});
  CHECK(command("    command: [x, \"{port}\"]\n    estimate: {path: /m}\n").estimate == Hook{"GET", "/m", ""});
  CHECK(
      mistakes("    command: [x, \"{port}\"]\n    estimate: {method: POST}\n").at(0).contains("estimate has no path"));
}

TEST_CASE("a sleep that gives nothing is a mistake") {
  CHECK(mistakes(
            "    command: [x, \"{port}\"]\n    wake: {path: /w}\n    sleep: {path: /s, footprint: {host: 1GiB}}\n") ==
        Lines{"2:3: model \"app\" keeps asleep what it takes awake, so that its sleep would give nothing; expected a "
              "smaller footprint under sleep, on some device"});
}

TEST_CASE("half a sleep is a mistake") {
  CHECK(mistakes("    command: [x, \"{port}\"]\n    wake: {pth: /w}\n    sleep: {path: /s, footprint: {host: 1MiB}}\n")
            .size() == 2);  // an unknown key, and no path
  CHECK(
      mistakes("    command: [x, \"{port}\"]\n    sleep: {path: /sleep, footprint: {host: 1MiB}}\n") ==
      Lines{"2:3: model \"app\" has sleep but no wake; a program that is put to sleep has to be woken: expected wake: "
            "{path: /…}"});
  CHECK(mistakes("    command: [x, \"{port}\"]\n    wake: {path: /w}\n").size() == 1);
  CHECK(mistakes("    command: [x, \"{port}\"]\n    wake: {path: /w}\n    sleep: {path: /s}\n") ==
        Lines{"7:5: sleep has no footprint; expected footprint: {host: SIZE}, what the program keeps asleep"});
  CHECK(mistakes("    command: [x, \"{port}\"]\n    wake: {path: w}\n    sleep: {path: /s, footprint: {host: 1MiB}}\n")
            .front()
            .contains("path: expected a path such as /now?level=1"));
  CHECK(mistakes("    command: [x, \"{port}\"]\n    wake: {path: /w, method: FETCH}\n    sleep: {path: /s, footprint: "
                 "{host: 1MiB}}\n")
            .front()
            .contains("method: expected POST, PUT or GET"));
}

}  // namespace
}  // namespace rouse::config
