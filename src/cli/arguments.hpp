// The command line as plain values: one struct a command. Pure, but for asking whether the default file exists.
//
// A new command is a struct here with its place in Command, a function in arguments.cpp, and one that does it
// (commands.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "cli/cli.hpp"
#include "cli/described.hpp"

namespace rouse::cli {

enum class Format : std::uint8_t { table, json };
enum class Wait : std::uint8_t { until_done, no };
enum class Force : std::uint8_t { no, yes };
enum class Follow : std::uint8_t { no, yes };
enum class Watching : std::uint8_t { no, yes };

struct CheckOptions {
  std::string file;
};
struct VersionOptions {
  Format format = Format::table;
};
struct ListOptions {
  Format format = Format::table;
};
struct PsOptions {
  Format format = Format::table;
  Watching watching = Watching::no;
  Duration every = std::chrono::seconds(1);
};
struct DevicesOptions {
  Format format = Format::table;
};
struct RequestsOptions {
  Format format = Format::table;
};
struct InitOptions {
  std::string file;
  bool is_default = false;  // the file that is taken when none is named
  Force force = Force::no;
};
struct ReloadOptions {
  Format format = Format::table;
};
struct ShowOptions {
  std::string model;
  Format format = Format::table;
};
struct PinOptions {
  std::string model;
  Format format = Format::table;
};
struct UnpinOptions {
  std::string model;
  Format format = Format::table;
};
struct ForgetOptions {
  std::string model;
  Format format = Format::table;
};
struct TrimOptions {
  std::string model;
  Format format = Format::table;
};
struct CancelOptions {
  std::string request;
  Format format = Format::table;
};
struct ReserveOptions {
  Bytes bytes;
  std::optional<std::uint32_t> gpu;  // otherwise of the host's memory
  std::string priority;              // as the daemon reads it; empty: normal
  std::vector<std::string> command;
};
struct RunOptions {
  std::string model;
  std::string prompt;  // empty: a conversation, its questions from standard input
  std::string system;
  std::optional<std::uint32_t> max_tokens;
  std::optional<double> temperature;
  std::string keep;  // these three as the daemon reads them; empty: as configured
  std::string priority;
  std::string deadline;
};
struct LoadOptions {
  std::string model;
  Wait wait = Wait::until_done;
  Format format = Format::table;
};
struct UnloadOptions {
  std::string model;
  Force force = Force::no;
  Format format = Format::table;
};
struct LogsOptions {
  std::string model;
  std::uint32_t lines = 100;
  Follow follow = Follow::no;
};

enum class Shell : std::uint8_t { bash, zsh, fish };
struct CompletionsOptions {
  Shell shell = Shell::bash;
};
// For completions and for those who build Rouse; not in the help.
struct NamesOptions {};
struct ManualOptions {};

using Command = std::variant<VersionOptions, ServeOptions, InitOptions, CheckOptions, ReloadOptions, ListOptions,
                             ShowOptions, PsOptions, DevicesOptions, RequestsOptions, CancelOptions, ReserveOptions,
                             RunOptions, LoadOptions, UnloadOptions, PinOptions, UnpinOptions, TrimOptions,
                             ForgetOptions, LogsOptions, KeyOptions, CompletionsOptions, NamesOptions, ManualOptions>;

struct Invocation {
  Command command;
  std::string host;  // of --host; empty: not given
};

// What to print instead of doing anything: help that was asked for, or what is wrong with the command line.
struct Notice {
  Exit exit = Exit::usage;
  std::string text;  // to standard output when `exit` is ok, else to standard error
};

std::expected<Invocation, Notice> parse(std::span<const std::string> arguments, const Environment& environment);

// Every command that is in the help, in its order.
std::vector<DescribedCommand> described_commands();

// Where the configuration stands when nobody names it: rouse/rouse.yaml under XDG_CONFIG_HOME (or ~/.config).
std::string default_config(const Environment& environment);

}  // namespace rouse::cli
