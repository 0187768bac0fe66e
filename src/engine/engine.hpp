// Engines: the kinds of server that can run a model, as data and a few small functions. Adding one touches its own
// file and the table in engine.cpp.
//
// Everything here is pure but for reading model files' headers: no process is started and nothing is kept. Those
// functions that read files may take a millisecond or a hundred (a cold disk), so the daemon may call them on a pool
// thread; they share no state.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace rouse::engine {

// What to start: an argument vector (argv[0] a path, or a name to look up in PATH), "NAME=value" to add to the worker's
// environment, and the folder to run it in.
struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string directory = "/";
};

// Where a worker is to listen and what it may use.
struct Place {
  std::string socket = {};     // a path that ends in ".sock"
  std::uint16_t port = 0;      // of 127.0.0.1, instead
  std::string gpus = {};       // "0,1"; empty: none
  std::string gpu_uuids = {};  // of these; empty where nobody knows them
};

// Those that a worker was not given it does not see: named by what they are where that is known, since CUDA numbers
// them otherwise than their driver does.
std::vector<std::string> gpu_environment(const Place& place);

// How a worker is dealt with.
struct Contract {
  std::string health_path;          // answers 200 when it is ready
  std::chrono::milliseconds grace;  // from SIGTERM to SIGKILL, when no answer is under way any more
  config::Listens listens = config::Listens::socket;
  std::optional<config::Sleep> sleep = {};
  std::optional<config::Hook> trim = {};
  std::optional<config::Hook> estimate = {};  // see program_estimate.hpp
};

// What a model is expected to take of the host's memory, by part; the parts tell an operator why.
struct Estimate {
  Bytes weights;   // of the model, its projector and its adapters; mapped file pages, for the most part
  Bytes cache;     // keys and values (or recurrent state) of the whole context
  Bytes compute;   // scratch buffers of one batch
  Bytes overhead;  // the process: code, threads, vocabulary

  Bytes total() const { return weights + cache + compute + overhead; }
};

enum class Runs {
  process,  // one worker process for each model
  nothing,  // no process: always ready (an upstream URL)
};

struct Engine {
  std::string_view name;
  Runs runs = Runs::process;

  std::string_view counts_tokens;  // a member that makes it count tokens in every event of a stream, when it is true
  // An answer in one piece goes on although its client has left; one that it streams ends at once.
  bool stops_streams_alone;

  Contract (*contract)(const config::Model& model);
  // How to start a worker that listens there.
  Result<Command> (*command)(const config::Model& model, const Place& place);
  // What it will take. An error when the model's file cannot be used at all, with what is wrong.
  Result<Estimate> (*estimate)(const config::Model& model);
  // Every file it will read, in the order of reading: for warming, and for the identity of what was learnt.
  std::vector<std::filesystem::path> (*files)(const config::Model& model);
};

// The engine of that name, or nullptr.
const Engine* find_engine(std::string_view name);

// All names, for messages.
std::vector<std::string_view> engine_names();

}  // namespace rouse::engine
