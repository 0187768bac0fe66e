#include "config/models.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "base/duration.hpp"
#include "config/command.hpp"
#include "config/groups.hpp"
#include "config/model_names.hpp"
#include "config/names.hpp"
#include "config/remote.hpp"

namespace rouse::config {
namespace {

constexpr std::array<std::string_view, 3> kEngines{"llama", "command", "remote"};
// For a program, and for another server: only they know their bounds, and a page may hold several connections.
constexpr std::uint32_t kManyAtOnce = 1024;
constexpr std::uint32_t kMostSlots = 256;  // llama.cpp's own limit
constexpr std::uint32_t kMostTokens = 1U << 30U;

using Names = std::span<const std::string_view>;

// A list of keys, each with its reader. `names` is what unknown keys are compared with.
template <class T, std::size_t N>
struct Keys {
  std::array<std::string_view, N> names;
  std::array<void (*)(Reading&, const Entry&, T&), N> readers;
};

void read_optional(Reading& reading, const Entry& entry, std::uint32_t most, std::optional<std::uint32_t>& into) {
  std::uint32_t value = 0;
  reading.integer(entry, 1, most, value);
  if (value != 0) into = value;
}

// --- llama --------------------------------------------------------------------------------------------------

void read_lora(Reading& reading, const Entry& entry, Llama& llama) {
  constexpr std::array<std::string_view, 3> kKeys{"path", "scale", "enabled"};
  llama.lora.clear();
  for (const Entry& item : reading.items(entry, "a list such as [{path: adapter.gguf, scale: 1.0}]")) {
    LoraAdapter adapter;
    bool has_path = false;
    reading.fields(item, {"a lora adapter"}, kKeys, [&](std::size_t key, const Entry& value) {
      if (key == 0) {
        has_path = true;
        reading.path(value, adapter.path);
      } else if (key == 1) {
        reading.number(value, adapter.scale);
      } else {
        reading.boolean(value, adapter.enabled);
      }
    });
    if (!has_path && item.value->kind != yaml::Kind::scalar) reading.problem(*item.at, "a lora adapter needs a path");
    if (item.value->is_nothing()) reading.expected(item, "{path: …}");
    llama.lora.push_back(std::move(adapter));
  }
}

void read_load_mode(Reading& reading, const Entry& entry, LoadMode& into) {
  constexpr std::array<std::string_view, 6> kWords{"auto", "none", "mmap", "mlock", "mmap+mlock", "dio"};
  constexpr std::array kModes{LoadMode::automatic, LoadMode::none,       LoadMode::mmap,
                              LoadMode::mlock,     LoadMode::mmap_mlock, LoadMode::direct_io};
  if (const auto word = reading.word(entry, kWords)) into = kModes[*word];
}

void read_texts(Reading& reading, const Entry& entry, std::string_view what, std::vector<std::string>& into) {
  into.clear();
  for (const Entry& item : reading.items(entry, what)) reading.text(item, into.emplace_back());
}

constexpr Keys<Llama, 11> kLlama{
    {"source", "context", "parallel", "threads", "lora", "mmproj", "binary", "load_mode", "embeddings", "reranking",
     "args"},
    {
        [](Reading& r, const Entry& e, Llama& m) { r.path(e, m.source); },
        [](Reading& r, const Entry& e, Llama& m) { read_optional(r, e, kMostTokens, m.context); },
        [](Reading& r, const Entry& e, Llama& m) { read_optional(r, e, kMostSlots, m.parallel); },
        [](Reading& r, const Entry& e, Llama& m) { read_optional(r, e, 1024, m.threads); },
        [](Reading& r, const Entry& e, Llama& m) { read_lora(r, e, m); },
        [](Reading& r, const Entry& e, Llama& m) { r.path(e, m.mmproj); },
        [](Reading& r, const Entry& e, Llama& m) { r.program(e, m.binary); },
        [](Reading& r, const Entry& e, Llama& m) { read_load_mode(r, e, m.load_mode); },
        [](Reading& r, const Entry& e, Llama& m) { r.boolean(e, m.embeddings); },
        [](Reading& r, const Entry& e, Llama& m) { r.boolean(e, m.reranking); },
        [](Reading& r, const Entry& e, Llama& m) { read_texts(r, e, "a list such as [--flash-attn, \"on\"]", m.args); },
    },
};

// --- command ------------------------------------------------------------------------------------------------

constexpr Keys<Command, 10> kCommand{
    {"command", "env", "cwd", "source", "health", "grace", "sleep", "wake", "trim", "estimate"},
    {
        [](Reading& r, const Entry& e, Command& m) { read_argv(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { read_environment(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { r.path(e, m.directory); },
        [](Reading& r, const Entry& e, Command& m) { r.path(e, m.source); },
        [](Reading& r, const Entry& e, Command& m) { read_health(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { r.duration(e, Duration::zero(), m.grace); },
        [](Reading& r, const Entry& e, Command& m) { read_sleep(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { read_wake(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { read_trim(r, e, m); },
        [](Reading& r, const Entry& e, Command& m) { read_estimate(r, e, m); },
    },
};

constexpr Keys<Model, 1> kApplication{{"listen"},
                                      {[](Reading& r, const Entry& e, Model& m) { read_listen(r, e, m.listen); }}};

// --- remote -------------------------------------------------------------------------------------------------

constexpr Keys<Remote, 4> kRemote{
    {"url", "key_env", "connect_timeout", "ca_file"},
    {
        [](Reading& r, const Entry& e, Remote& m) { read_url(r, e, m); },
        [](Reading& r, const Entry& e, Remote& m) { r.secret(e, m.key); },
        [](Reading& r, const Entry& e, Remote& m) { r.duration(e, std::chrono::milliseconds(1), m.connect_timeout); },
        [](Reading& r, const Entry& e, Remote& m) { r.path(e, m.ca_file); },
    },
};

// --- any model ----------------------------------------------------------------------------------------------

// A model on its way, and what its keys leave to be done when all of them have been read.
struct Draft {
  Model& model;
  std::string engine;
  std::vector<Entry> pairs;  // of its map
  bool names_concurrency = false;
  NamesWritten names;
  const std::vector<Group>& groups;  // that there are
};

bool is_map(const Entry& entry) { return entry.value->kind == yaml::Kind::map || entry.value->is_nothing(); }

void read_upstream_model(Reading& reading, const Entry& entry, std::string& into) {
  constexpr std::string_view kWhat = "the name that the engine knows the model by";
  constexpr std::size_t kLongest = 512;
  const auto name = reading.scalar(entry, kWhat);
  if (!name) return;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name->empty() || name->size() > kLongest || std::ranges::any_of(*name, is_control))
    return reading.expected(entry, kWhat);
  into = *name;
}

constexpr Keys<Draft, 9> kCommon{
    {"engine", "aliases", "upstream_model", "priority", "concurrency", "queue_limit", "media_urls", "fallback",
     "fallback_while_loading"},
    {
        [](Reading& r, const Entry& e, Draft& d) { read_engine(r, e, d.engine); },
        [](Reading& r, const Entry& e, Draft& d) { d.names.aliases = r.items(e, "a list of names"); },
        [](Reading& r, const Entry& e, Draft& d) { read_upstream_model(r, e, d.model.upstream_model); },
        [](Reading& r, const Entry& e, Draft& d) { read_priority(r, e, d.model.priority); },
        [](Reading& r, const Entry& e, Draft& d) {
          d.names_concurrency = true;
          r.integer(e, 1, 65'536, d.model.concurrency);
        },
        [](Reading& r, const Entry& e, Draft& d) { r.integer(e, 0, 1'000'000, d.model.queue_limit); },
        [](Reading& r, const Entry& e, Draft& d) { read_media_urls(r, e, d.model.media_urls); },
        [](Reading& r, const Entry& e, Draft& d) { d.names.fallback = names_in(r, e); },
        [](Reading& r, const Entry& e, Draft& d) { d.names.fallback_while_loading = names_in(r, e); },
    },
};

// Of what comes into memory and leaves it again.
constexpr Keys<Draft, 8> kResident{
    {"footprint", "preload", "pinned", "keep", "min_residency", "group", "read_ahead", "keep_warm"},
    {
        [](Reading& r, const Entry& e, Draft& d) { read_footprint(r, e, d.model.footprint); },
        [](Reading& r, const Entry& e, Draft& d) { r.boolean(e, d.model.preload); },
        [](Reading& r, const Entry& e, Draft& d) { r.boolean(e, d.model.pinned); },
        [](Reading& r, const Entry& e, Draft& d) { read_keep(r, e, d.model.keep); },
        [](Reading& r, const Entry& e, Draft& d) { read_min_residency(r, e, d.model.min_residency); },
        [](Reading& r, const Entry& e, Draft& d) { read_group(r, e, d.groups, d.model.group); },
        [](Reading& r, const Entry& e, Draft& d) { r.boolean(e, d.model.read_ahead); },
        [](Reading& r, const Entry& e, Draft& d) { r.boolean(e, d.model.keep_warm); },
    },
};

template <std::size_t... N>
constexpr auto joined(const std::array<std::string_view, N>&... lists) {
  std::array<std::string_view, (N + ...)> names;
  auto at = names.begin();
  ((at = std::ranges::copy(lists, at).out), ...);
  return names;
}
constexpr auto kLlamaKeys = joined(kCommon.names, kResident.names, kLlama.names);
constexpr auto kCommandKeys = joined(kCommon.names, kResident.names, kApplication.names, kCommand.names);
constexpr auto kRemoteKeys = joined(kCommon.names, kRemote.names);

// Reads with the `key`th reader of those that follow one another.
template <class T, std::size_t N, class... More>
void read_key(std::size_t key, Reading& reading, const Entry& entry, const Keys<T, N>& keys, T& into, More&... more) {
  if (key < N) return keys.readers[key](reading, entry, into);
  if constexpr (sizeof...(more) > 0) read_key(key - N, reading, entry, more...);
}

void read_llama(Reading& reading, const Entry& entry, Draft& draft, Llama& llama) {
  bool has_source = false;
  bool names_read_ahead = false;
  reading.fields(draft.pairs, {"model", entry.key}, kLlamaKeys, [&](std::size_t key, const Entry& value) {
    has_source = has_source || value.key == "source";
    names_read_ahead = names_read_ahead || value.key == "read_ahead";
    read_key(key, reading, value, kCommon, draft, kResident, draft, kLlama, llama);
  });
  if (!draft.names_concurrency && llama.parallel) draft.model.concurrency = *llama.parallel;
  // Through a mapping the kernel reads ahead by itself: nothing was gained there (docs/adr/0016-warming.md).
  if (!names_read_ahead)
    draft.model.read_ahead = llama.load_mode == LoadMode::none || llama.load_mode == LoadMode::mlock;
  if (is_map(entry) && !has_source) {
    reading.problem(*entry.at,
                    std::format("model {} has no source; expected source: a GGUF file", in_quotes(entry.key)));
  }
}

void read_command(Reading& reading, const Entry& entry, Draft& draft, Command& command) {
  std::optional<Entry> argv;
  bool has_footprint = false;
  draft.model.concurrency = kManyAtOnce;
  command.directory = reading.folder();
  reading.fields(draft.pairs, {"command model", entry.key}, kCommandKeys, [&](std::size_t key, const Entry& value) {
    if (value.key == "command") argv = value;
    has_footprint = has_footprint || value.key == "footprint";
    read_key(key, reading, value, kCommon, draft, kResident, draft, kApplication, draft.model, kCommand, command);
  });
  if (!is_map(entry)) return;
  if (argv) {
    check_placeholders(reading, entry, *argv, command);
    check_sleep(reading, entry, command);
  } else {
    reading.problem(*entry.at, std::format("model {} has no command; expected command: {}", in_quotes(entry.key),
                                           "[python3, app.py, --port, \"{port}\"]"));
  }
  const auto keeps_all = [&](const core::DeviceBytes& share) {
    return core::bytes_on(command.sleep->footprint, share.device) >= share.bytes;
  };
  if (command.sleep && !command.sleep->footprint.empty() && !draft.model.footprint.empty() &&
      std::ranges::all_of(draft.model.footprint, keeps_all)) {
    reading.problem(*entry.at, std::format("model {} keeps asleep what it takes awake, so that its sleep would give "
                                           "nothing; expected a smaller footprint under sleep, on some device",
                                           in_quotes(entry.key)));
  }
  if (!has_footprint || draft.model.footprint.empty()) {
    // Nothing about a program tells its size, and a guess would make every budget wrong.
    reading.problem(*entry.at,
                    std::format("model {} has no footprint; expected footprint: {{host: SIZE}}, the memory that "
                                "its program takes when it is ready, such as 2GiB",
                                in_quotes(entry.key)));
  }
}

void read_remote(Reading& reading, const Entry& entry, Draft& draft, Remote& remote) {
  bool has_url = false;
  draft.model.concurrency = kManyAtOnce;
  reading.fields(draft.pairs, {"remote model", entry.key}, kRemoteKeys, [&](std::size_t key, const Entry& value) {
    has_url = has_url || value.key == "url";
    read_key(key, reading, value, kCommon, draft, kRemote, remote);
  });
  if (is_map(entry) && !has_url) {
    reading.problem(*entry.at, std::format("model {} has no url; expected url: http://HOST:PORT, https://HOST:PORT or "
                                           "unix:/PATH",
                                           in_quotes(entry.key)));
  }
  if (has_url && !remote.ca_file.empty() && !remote.tls && !remote.host.empty())
    reading.problem(*entry.at, std::format("model {} has a ca_file, which is for https alone", in_quotes(entry.key)));
}

// Answers with the names in it.
NamesWritten read_model(Reading& reading, const Entry& entry, const ModelDefaults& defaults,
                        const std::vector<Group>& groups, Model& model) {
  Draft draft{.model = model,
              .engine = defaults.engine,
              .pairs = reading.pairs(entry, {"model", entry.key}),
              .names = {},
              .groups = groups};
  model.id = entry.key;
  model.place = reading.place(*entry.at);
  model.priority = defaults.priority;
  model.keep = defaults.keep;
  model.queue_limit = defaults.queue_limit;
  model.min_residency = defaults.min_residency;
  model.media_urls = defaults.media_urls;
  if (!is_model_name(model.id)) {
    reading.problem(*entry.at, std::format("{} cannot name a model; expected {}", in_quotes(model.id), kModelNameRule));
  }
  bool has_engine = !defaults.engine.empty();
  for (const Entry& pair : draft.pairs) {  // first: it says which keys there are
    if (pair.key != "engine") continue;
    has_engine = true;
    read_engine(reading, pair, draft.engine);
  }
  if (is_map(entry) && !has_engine) {
    reading.problem(*entry.at, std::format("model {} has no engine; expected engine: {}", in_quotes(model.id),
                                           alternatives(kEngines)));
  }
  if (draft.engine == "remote") {
    read_remote(reading, entry, draft, model.engine.emplace<Remote>());
  } else if (draft.engine == "command") {
    read_command(reading, entry, draft, model.engine.emplace<Command>());
  } else {
    read_llama(reading, entry, draft, model.engine.emplace<Llama>(defaults.llama));
  }
  return std::move(draft.names);
}

// An address leads to one application; where any free port will do there is no quarrel.
void check_addresses(Reading& reading, const std::vector<Entry>& entries, const std::vector<Model>& models,
                     const Address& daemons) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto& listen = models[i].listen;
    if (!listen || listen->port == 0) continue;
    const auto before = models.begin() + static_cast<std::ptrdiff_t>(i);
    const auto other = std::ranges::find(models.begin(), before, listen, &Model::listen);
    if (*listen == daemons) {
      reading.problem(*entries[i].at, std::format("model {}: listen: {} is where Rouse itself listens",
                                                  in_quotes(models[i].id), to_string(*listen)));
    } else if (other != before) {
      reading.problem(*entries[i].at,
                      std::format("model {}: listen: {} is model {}'s already (line {})", in_quotes(models[i].id),
                                  to_string(*listen), in_quotes(other->id), other->place.line));
    }
  }
}

}  // namespace

void read_priority(Reading& reading, const Entry& entry, core::Priority& into) {
  constexpr std::array<std::string_view, 3> kWords{"low", "normal", "high"};
  constexpr std::array kPriorities{core::Priority::low, core::Priority::normal, core::Priority::high};
  if (const auto word = reading.word(entry, kWords)) into = kPriorities[*word];
}

void read_min_residency(Reading& reading, const Entry& entry, std::optional<Duration>& into) {
  Duration said{};
  reading.duration(entry, Duration::zero(), said);
  into = said;
}

void read_keep(Reading& reading, const Entry& entry, core::Keep& into) {
  constexpr std::string_view kWhat = "0, a duration such as 30s, 5m or 1h30m, or forever";
  const auto text = reading.scalar(entry, kWhat);
  if (!text) return;
  if (*text == "forever") {
    into = core::Keep::forever();
  } else if (const auto idle = parse_duration(*text)) {
    into = {*idle};
  } else {
    reading.expected(entry, kWhat);
  }
}

void read_media_urls(Reading& reading, const Entry& entry, MediaUrls& into) {
  constexpr std::array<std::string_view, 2> kWords{"refuse", "allow"};
  if (const auto word = reading.word(entry, kWords)) into = *word == 0 ? MediaUrls::refuse : MediaUrls::allow;
}

void read_engine(Reading& reading, const Entry& entry, std::string& into) {
  if (const auto word = reading.word(entry, kEngines)) into = kEngines[*word];
}

std::vector<Model> read_models(Reading& reading, const Entry& entry, const ModelDefaults& defaults,
                               const Config& config) {
  std::vector<Entry> entries = reading.pairs(entry, {"models"});
  std::ranges::sort(entries, {}, &Entry::key);
  std::vector<Model> models(entries.size());
  std::vector<NamesWritten> names;
  names.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    names.push_back(read_model(reading, entries[i], defaults, config.groups, models[i]));
  }
  read_model_names(reading, names, models);
  check_addresses(reading, entries, models, config.listen);
  return models;
}

}  // namespace rouse::config
