// init: a configuration to begin with.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <fstream>

#include "cli/commands.hpp"

namespace rouse::cli {
namespace {

// What is explained stands behind "# ". A setting that is switched off has its "#" in the first column, in place of
// nothing: without it the line is as it has to be.
constexpr std::string_view kExample = R"yaml(# What Rouse serves, and within which bounds.
#
# Settings that are switched off, with a "#" in front, show their defaults: take the "#" away to change them.
# rouse check looks for mistakes, rouse serve runs the daemon, rouse reload has a running one read this file again.

# Where clients connect. OpenAI's clients are told: base URL http://127.0.0.1:11450/v1
#listen: 127.0.0.1:11450

# Names under which clients address this machine, besides localhost.
#hosts: []

# Who may use it. Without keys: whoever reaches it, and so it listens on 127.0.0.1 or ::1 only.
# rouse key new laptop makes a key and prints its line.
#keys:
#  laptop: {hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000", role: use}

# A Unix socket on which this machine's owner needs no key. Without this line: $XDG_RUNTIME_DIR/rouse.sock
#admin_socket: /run/rouse/rouse.sock

# Where what loads have shown is kept (sizes, times), so that it is known at the next start; none: nowhere.
# Without this line: rouse/state.db in $XDG_STATE_HOME or ~/.local/state
#state: /var/lib/rouse/state.db

# What models may take of each device, as a share or a size; the reserve stays free for other programs.
#budgets:
#  host: {limit: 80%, reserve: 0}

# What holds for models that do not say otherwise.
defaults:
  engine: llama            # llama.cpp's llama-server, for GGUF files
#  keep: 5m                # how long an idle model stays loaded: 0, 30s, 5m, forever
#  priority: normal        # who goes first when memory is short: low, normal, high
#  deadline: 10m           # how long a request waits at most
#  min_residency: 2s       # how long a model stays before another may take its place; unsaid: as long as it loads
#  media_urls: refuse      # may engines fetch pictures that requests name by URL: refuse, allow

# Where the engines' programs are: a path, or a name that is looked up in PATH.
#engines:
#  llama: {binary: llama-server}

# How memory is shared when not all models fit.
#policy:
#  eviction: gdsf          # which idle model goes first: gdsf (by what its reload would cost), or lru
#  patience: 10s           # how long a request waits before a busy model has to make room for it
#  slice: 60s              # what such a model is left at least
#  load_timeout: 5m        # a load that lasts longer has failed

#limits:
#  body: 64MiB             # of one request
#  buffered: 512MiB        # of all bodies that are held at once
#  header: 64KiB
#  connections: 10000      # open at once
#  connections_per_address: 7500  # of them, from one address (of IPv6: from one /64)
#  queue: 1024             # requests that wait for one model
#  idle: 75s               # how long an unused connection stays open
#  receive: 30s            # without a byte of a request that has begun
#  send: 60s               # without a byte taken by the client
#  drain: 30s              # for running answers to end when the daemon stops

#log:
#  format: text            # or json: an object a line, for programs
#  access: false           # a line for each answer

# Groups of models, of which so many at most are loaded at once, whatever memory there is.
#groups:
#  pictures: {max_loaded: 1}

# The models: by the name that clients ask for. A path is relative to this file.
models:
#  chat:
#    source: ~/models/chat.gguf
#    aliases: [gpt-4o-mini]      # other names for it
#    context: 8192               # tokens, all slots together; without it what the model was trained with
#    parallel: 2                 # requests that it answers at once
#    preload: true               # load it when the daemon starts
#    pinned: true                # and keep it, whatever others need
#    fallback: [elsewhere]       # who is asked, one after another, when it cannot answer
#    fallback_while_loading: elsewhere   # who answers until it is loaded, if that one is ready
#    group: pictures             # that it is in
#  embed:
#    source: ~/models/embed.gguf
#    embeddings: true
#  studio:                       # any program that serves HTTP, started as it is
#    engine: command
#    command: [python3, app.py, --port, "{port}"]   # or "{socket}"; {model} and {gpus} if it wants them, {{ for {
#    cwd: ~/studio               # without it the folder of this file
#    env: {STUDIO_MODEL: "{model}"}
#    source: ~/models/studio     # what {model} stands for
#    listen: 127.0.0.1:5160      # an address of its own, where everything is passed through to it
#    health: /health             # answers 200 once it is ready
#    grace: 10s                  # from being told to end until it is killed
#    sleep:                      # for one that can give up its memory without ending: POST /sleep, instead of an end
#      path: /sleep
#      footprint: {host: 256MiB} # what it keeps asleep
#      keep: 1h                  # asleep; forever, if nothing is said
#    wake: {path: /wake_up}      # answers 2xx once it is awake
#    footprint: {host: 2GiB}     # the memory that it takes when it is ready
#  elsewhere:                    # a model that another server runs
#    engine: remote
#    url: http://127.0.0.1:11434   # or https://…, with ca_file: authority.pem for one that this machine does not know
#    upstream_model: llama3
)yaml";

std::string in_words(int error) { return std::strerror(error); }

}  // namespace

Outcome<Exit> init(Terminal& terminal, const InitOptions& options) {
  const std::filesystem::path path(options.file);
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    return failure(Exit::failed, std::format("{} cannot be made: {}", path.parent_path().string(), error.message()));
  const auto mode = options.force == Force::yes ? std::ios::trunc : std::ios::noreplace;
  std::ofstream file(path, std::ios::out | mode);
  if (!file && errno == EEXIST) {
    return failure(Exit::usage, std::format("{} is there already, and was left as it is. To write over it: rouse init "
                                            "--force {}",
                                            options.file, options.file));
  }
  file << kExample << std::flush;
  if (!file) return failure(Exit::failed, std::format("{} cannot be written: {}", options.file, in_words(errno)));
  terminal.out() << std::format("wrote {}\nPut your models in it, then: rouse serve{}\n", options.file,
                                options.is_default ? "" : " --config " + options.file);
  return Exit::ok;
}

}  // namespace rouse::cli
