// What Rouse was told to do: the configuration file as plain typed data, every default in place.
//
// `load` reads it once; afterwards it is a value that anybody may hold and copy, and that can be compared, so that a
// reload finds what changed. What a reader may rely on: ids and aliases are unique, well formed and never one
// another; fallbacks are ids that are there and lead to no circle; a model's group is there; every number is within its
// range; `~`, `${VAR}` and relative paths are resolved; defaults that stand in the file (`defaults:`, `engines:`,
// `limits.queue`) have already reached each model.
//
// Whether files exist is not asked while loading: a model's file may come later, so that a missing one is a warning
// of `rouse check` (`missing_files`) and fails only the load of its own model.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "config/key.hpp"
#include "config/placeholders.hpp"
#include "core/model.hpp"

namespace rouse::config {

// A mistake, where it stands, and what to write instead. Line and column count from 1 (characters, not bytes); 0 where
// there is no place to point at (a file that cannot be read).
struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  friend bool operator==(const Problem&, const Problem&) = default;
};
std::string to_string(const Problem& problem);  // rouse.yaml:12:5: unknown key "contxt" …

// Where an entry was written. Equal to any other: moving an entry does not change it.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend constexpr bool operator==(Place, Place) { return true; }
};

struct Address {
  std::string host = "127.0.0.1";  // an IPv4 or IPv6 address, without brackets
  std::uint16_t port = 11450;      // 0: any free one
  friend bool operator==(const Address&, const Address&) = default;
};

// --- budgets ------------------------------------------------------------------------------------------------

struct Percent {
  double value = 0;  // above 0, at most 100
  friend constexpr bool operator==(Percent, Percent) = default;
};

struct Budget {
  std::variant<Bytes, Percent> limit = Percent{80};  // what workers may hold at most
  Bytes reserve;                                     // what always stays free for others
  friend bool operator==(const Budget&, const Budget&) = default;
};

// The limit in bytes on a device of this size; never more than the size.
Bytes limit_on(const Budget& budget, Bytes device_total);

struct Budgets {
  Budget host;
  Budget every_gpu;                 // those that are not named
  std::map<DeviceId, Budget> gpus;  // gpu0, gpu1, … named in the file; what they leave out is every_gpu's
  const Budget& of(DeviceId device) const;
  friend bool operator==(const Budgets&, const Budgets&) = default;
};

// --- models -------------------------------------------------------------------------------------------------

struct LoraAdapter {
  std::string path;
  double scale = 1;
  bool enabled = true;  // false: loaded, but applied only when a request asks for it
  friend bool operator==(const LoraAdapter&, const LoraAdapter&) = default;
};

enum class LoadMode : std::uint8_t { automatic, none, mmap, mlock, mmap_mlock, direct_io };

// A GGUF model run by llama-server.
struct Llama {
  std::string binary = "llama-server";  // a path, or a name to be looked up in PATH
  std::string source;
  std::optional<std::uint32_t> context;   // tokens, all slots together; otherwise what the model was trained with
  std::optional<std::uint32_t> parallel;  // slots; otherwise llama-server's own choice
  std::optional<std::uint32_t> threads;
  std::vector<LoraAdapter> lora;
  std::string mmproj;  // empty: none
  LoadMode load_mode = LoadMode::automatic;
  bool embeddings = false;
  bool reranking = false;
  std::vector<std::string> args;  // handed to the binary as they are, last
  friend bool operator==(const Llama&, const Llama&) = default;
};

// A model that another server runs, asked over HTTP. Nothing is started for it.
struct Remote {
  std::string host;  // a name or an address without brackets; empty: a Unix socket
  std::uint16_t port = 80;
  std::string socket;   // its path
  bool tls = false;     // https
  std::string ca_file;  // with the authorities that it trusts then; empty: the machine's own
  std::string prefix;   // of the paths there, "/api"; without a slash at its end
  std::string key;      // it wants to be shown; empty: none
  Duration connect_timeout = std::chrono::seconds(5);
  friend bool operator==(const Remote&, const Remote&) = default;
};

enum class Listens : std::uint8_t { socket, port };  // on a Unix socket, or on a port of 127.0.0.1

struct Variable {
  std::string name;
  Template value;
  friend bool operator==(const Variable&, const Variable&) = default;
};

// A request that Rouse makes of a program. A body is JSON.
struct Hook {
  std::string method = "POST";
  std::string path;
  std::string body;
  friend bool operator==(const Hook&, const Hook&) = default;
};

// How a program gives up most of its memory without ending, and takes it again; each is done when it is answered 2xx.
struct Sleep {
  Hook sleep;
  Hook wake;
  core::Placement footprint;  // what it keeps, ascending by device
  core::Keep keep = core::Keep::forever();
  Duration timeout = std::chrono::seconds(60);  // for falling asleep
  friend bool operator==(const Sleep&, const Sleep&) = default;
};

// A program that serves HTTP by itself, started as it is.
struct Command {
  std::vector<Template> argv;                 // the program first, without placeholders: a path, or a name in PATH
  std::vector<Variable> environment;          // ascending by name; added to what every worker gets
  std::string directory;                      // to run in: the configuration's folder, unless the file says otherwise
  std::string source;                         // of {model}; empty: none
  std::string health = "/health";             // answers 200 once it is ready
  Duration grace = std::chrono::seconds(10);  // from being told to end until it is killed
  Listens listens = Listens::socket;
  std::optional<Sleep> sleep;
  std::optional<Hook> trim;      // drops caches and keeps the weights
  std::optional<Hook> estimate;  // is answered with what it will take at most, by device, once it is ready
  friend bool operator==(const Command&, const Command&) = default;
};

using Engine = std::variant<Llama, Command, Remote>;

// Models of which so many at most are loaded at once, whatever memory there is.
struct Group {
  std::string name;
  std::uint32_t max_loaded = 0;  // at least 1
  Place place;
  friend bool operator==(const Group&, const Group&) = default;
};

enum class MediaUrls : std::uint8_t { refuse, allow };  // may an engine fetch what a request names by URL?

struct Model {
  std::string id;
  std::vector<std::string> aliases;
  std::string upstream_model;  // the name that the engine hears; empty: whatever the client said
  Engine engine;
  core::Placement footprint;  // ascending by device; empty: learnt or estimated
  std::string group;          // that it is in; empty: none
  core::Priority priority = core::Priority::normal;
  bool preload = false;
  bool pinned = false;
  bool read_ahead = true;  // are its files read into the page cache while its worker starts?
  bool keep_warm = false;  // are they held there while it is cold?
  core::Keep keep;
  // Requests at once on one worker: llama's slots, or 1,024 for a program and a remote one, unless the file says
  // otherwise.
  std::uint32_t concurrency = 4;
  std::uint32_t queue_limit = 1024;
  std::optional<Duration> min_residency = {};
  MediaUrls media_urls = MediaUrls::refuse;
  std::vector<std::string> fallback;                // ids of those that are asked when it cannot answer, in this order
  std::vector<std::string> fallback_while_loading;  // of those that stand in while it loads, if they are ready
  std::optional<Address> listen;                    // an address of its own, where everything is passed through to it
  Place place;
  friend bool operator==(const Model&, const Model&) = default;
};

// --- the whole ----------------------------------------------------------------------------------------------

enum class Eviction : std::uint8_t { gdsf, lru };

struct Policy {
  Eviction eviction = Eviction::gdsf;
  Duration patience = std::chrono::seconds(10);
  Duration slice = std::chrono::seconds(60);
  Duration load_timeout = std::chrono::minutes(5);
  Duration shared_keep = std::chrono::seconds(30);  // of idle workers on a GPU that another program computes on
  Duration settle = std::chrono::seconds(2);  // a worker that stands still for so long takes what it is seen to hold
  friend bool operator==(const Policy&, const Policy&) = default;
};

struct Limits {
  Bytes body = mib(64);                         // of one request
  Bytes header = kib(64);                       // of one request's head
  Bytes buffered = mib(512);                    // of all bodies that are held at once
  std::uint32_t connections = 10'000;           // open at once
  std::uint32_t connections_per_address = 0;    // of them, from one address; 0: three quarters
  Duration idle = std::chrono::seconds(75);     // a kept connection without a request
  Duration receive = std::chrono::seconds(30);  // without a byte of a request that has begun
  Duration send = std::chrono::seconds(60);     // without a byte taken by the client
  Duration drain = std::chrono::seconds(30);    // from being told to stop until running answers are cut
  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class LogFormat : std::uint8_t { text, json };

struct Log {
  LogFormat format = LogFormat::text;
  bool access = false;  // a line for each answer
  friend bool operator==(const Log&, const Log&) = default;
};

struct Config {
  std::string file;  // as it was named to us; the folder, when models were found there
  Address listen;
  std::vector<std::string> hosts;    // names under which clients may address us, besides localhost
  std::string admin_socket;          // path of a Unix socket; empty: the usual place
  std::optional<std::string> state;  // file in which what is learnt is kept; empty: none. Nothing: at the usual place
  std::vector<Key> keys;             // ascending by name; none: whoever reaches us may do everything
  Budgets budgets;
  Duration deadline = std::chrono::minutes(10);  // of a request that names none
  Policy policy;
  Limits limits;
  Log log;
  std::vector<Group> groups;  // ascending by name
  std::vector<Model> models;  // ascending by id
  friend bool operator==(const Config&, const Config&) = default;
};

using Problems = std::vector<Problem>;  // in the order in which they stand in the file; never empty as an error

// Looks up an environment variable; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment process_environment();

std::expected<Config, Problems> load(const std::string& path, const Environment& environment);

// `name` stands in the problems; paths are relative to its folder.
std::expected<Config, Problems> from_text(std::string_view text, const std::string& name,
                                          const Environment& environment);

// The files that the models name and that cannot be read now. Asks the file system, so not for the way to ready.
Problems missing_files(const Config& config);

// "127.0.0.1:11450", "[::1]:0", "localhost:80", ":11450". Nothing for anything else, host names included.
std::optional<Address> parse_address(std::string_view text);
bool is_loopback(const Address& address);

// Why this configuration must not be served: other machines could reach it without a key. Empty if it may.
std::string why_too_open(const Config& config);
std::string to_string(const Address& address);

}  // namespace rouse::config
