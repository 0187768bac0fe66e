// The command line: reads the arguments, asks the daemon over HTTP, prints what came back.
//
// Used once, by main. `serve`, `check` and `key` need parts that this folder cannot see (it speaks only HTTP), so main
// hands them in as functions. Nothing here throws; nothing is started before the whole command line has been
// understood.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/exit.hpp"

namespace rouse::cli {

class Terminal;

enum class Verbosity : unsigned char { normal, verbose };

// What `rouse serve` was told. Exactly one of `config` and `models` is set.
struct ServeOptions {
  std::string config;  // a file
  std::string models;  // a folder
  std::string listen;  // instead of the configured address; empty: as configured
  Verbosity verbosity = Verbosity::normal;
  std::string log_format;  // text or json, instead of the configured one; empty: as configured
};

// What `rouse key new` was told.
struct KeyOptions {
  std::string name;
  std::string role = "use";
};

using Serve = std::function<int(const ServeOptions& options)>;     // gives the exit code
using Check = std::function<int(const std::string& config_file)>;  // gives the exit code

// Looks up an environment variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

using MakeKey = std::function<int(const KeyOptions& options)>;  // gives the exit code

// Gives the exit code of the process.
int run(int argc, char** argv, const Serve& serve, const Check& check, const MakeKey& make_key);

// The same, for a terminal and an environment of the caller's. `arguments` without the program's name.
int run(std::span<const std::string> arguments, const Environment& environment, Terminal& terminal, const Serve& serve,
        const Check& check, const MakeKey& make_key);

}  // namespace rouse::cli
