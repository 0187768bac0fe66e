#include "config/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <system_error>
#include <utility>

#include "config/groups.hpp"
#include "config/keys.hpp"
#include "config/models.hpp"
#include "config/names.hpp"
#include "config/paths.hpp"
#include "config/reading.hpp"
#include "config/yaml.hpp"

namespace rouse::config {
namespace {

using namespace std::chrono_literals;

// --- budgets ------------------------------------------------------------------------------------------------

void read_limit(Reading& reading, const Entry& entry, std::variant<Bytes, Percent>& into) {
  constexpr std::string_view kWhat = "a size such as 8GiB or a share from 0% to 100%";
  const auto text = reading.scalar(entry, kWhat);
  if (!text) return;
  if (const auto bytes = parse_bytes(*text)) {
    into = *bytes;
    return;
  }
  double percent = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, percent, std::chars_format::fixed);
  const bool is_share = error == std::errc{} && rest + 1 == end && *rest == '%';
  if (!is_share || !(percent >= 0 && percent <= 100)) return reading.expected(entry, kWhat);
  into = Percent{percent};
}

void read_budget(Reading& reading, const Entry& entry, Budget& into) {
  constexpr std::array<std::string_view, 2> kKeys{"limit", "reserve"};
  reading.fields(entry, {"the budget of", entry.key}, kKeys, [&](std::size_t key, const Entry& value) {
    if (key == 0) {
      read_limit(reading, value, into.limit);
    } else {
      reading.bytes(value, Bytes{}, into.reserve);
    }
  });
}

void read_budgets(Reading& reading, const Entry& entry, Budgets& into) {
  const std::vector<Entry> pairs = reading.pairs(entry, {"budgets"});
  const auto every = std::ranges::find(pairs, "gpu", &Entry::key);  // first: the named ones begin as this one
  if (every != pairs.end()) read_budget(reading, *every, into.every_gpu);
  for (const Entry& pair : pairs) {
    const std::optional<DeviceId> device = parse_device(pair.key);
    if (device == kHost) {
      read_budget(reading, pair, into.host);
    } else if (device) {
      read_budget(reading, pair, into.gpus.emplace(*device, into.every_gpu).first->second);
    } else if (pair.key != "gpu") {
      constexpr std::array<std::string_view, 4> kSome{"host", "gpu", "gpu0", "gpu1, …"};
      reading.unknown_key(pair, {"budgets"}, kSome);
    }
  }
}

// --- the other sections -------------------------------------------------------------------------------------

void read_listen(Reading& reading, const Entry& entry, Address& into) {
  constexpr std::string_view kWhat = "an address such as 127.0.0.1:11450 or \"[::1]:11450\"";
  const auto text = reading.scalar(entry, kWhat);
  if (!text) return;
  const std::optional<Address> address = parse_address(*text);
  if (!address) return reading.expected(entry, kWhat);
  into = *address;
}

void read_hosts(Reading& reading, const Entry& entry, std::vector<std::string>& into) {
  constexpr std::string_view kWhat = "a host name such as gpu-box.lan, without a port";
  for (const Entry& item : reading.items(entry, "a list of host names such as [gpu-box.lan]")) {
    const auto name = reading.scalar(item, kWhat);
    if (!name) continue;
    if (!is_host_name(*name)) {
      reading.expected(item, kWhat);
    } else {
      into.emplace_back(*name);
    }
  }
}

void read_admin_socket(Reading& reading, const Entry& entry, std::string& into) {
  constexpr std::size_t kLongest = 107;  // that the system has room for
  std::string path;
  reading.path(entry, path);
  if (path.size() > kLongest) return reading.expected(entry, "a path of at most 107 bytes");
  into = std::move(path);
}

void read_state(Reading& reading, const Entry& entry, std::optional<std::string>& into) {
  const auto word = reading.scalar(entry, "the path of a file, or none");
  if (!word) return;
  into.emplace();
  if (*word != "none") reading.path(entry, *into);
}

void read_policy(Reading& reading, const Entry& entry, Policy& into) {
  constexpr std::array<std::string_view, 6> kKeys{"eviction",     "patience",    "slice",
                                                  "load_timeout", "shared_keep", "settle"};
  constexpr std::array<std::string_view, 2> kEvictions{"gdsf", "lru"};
  reading.fields(entry, {"policy"}, kKeys, [&](std::size_t key, const Entry& value) {
    if (key == 0) {
      if (const auto word = reading.word(value, kEvictions))
        into.eviction = *word == 0 ? Eviction::gdsf : Eviction::lru;
    } else if (key == 1) {
      reading.duration(value, 1ms, into.patience);
    } else if (key == 2) {
      reading.duration(value, 0s, into.slice);
    } else if (key == 3) {
      reading.duration(value, 1s, into.load_timeout);
    } else if (key == 4) {
      reading.duration(value, 0s, into.shared_keep);
    } else {
      reading.duration(value, 0s, into.settle);
    }
  });
}

void read_limits(Reading& reading, const Entry& entry, Limits& into, ModelDefaults& defaults) {
  constexpr std::array<std::string_view, 10> kKeys{
      "body",    "header", "connections", "queue",    "idle",
      "receive", "send",   "drain",       "buffered", "connections_per_address"};
  reading.fields(entry, {"limits"}, kKeys, [&](std::size_t key, const Entry& value) {
    switch (key) {
      case 0: return reading.bytes(value, kib(1), into.body);
      case 1: return reading.bytes(value, kib(1), into.header);
      case 2: return reading.integer(value, 1, 1'000'000, into.connections);
      case 3: return reading.integer(value, 0, 1'000'000, defaults.queue_limit);
      case 4: return reading.duration(value, 1s, into.idle);
      case 5: return reading.duration(value, 1s, into.receive);
      case 6: return reading.duration(value, 1s, into.send);
      case 7: return reading.duration(value, 0s, into.drain);
      case 8: return reading.bytes(value, kib(1), into.buffered);
      case 9: return reading.integer(value, 1, 1'000'000, into.connections_per_address);
    }
  });
}

void read_defaults(Reading& reading, const Entry& entry, Duration& deadline, ModelDefaults& into) {
  constexpr std::array<std::string_view, 6> kKeys{"engine",   "keep",          "priority",
                                                  "deadline", "min_residency", "media_urls"};
  reading.fields(entry, {"defaults"}, kKeys, [&](std::size_t key, const Entry& value) {
    switch (key) {
      case 0: return read_engine(reading, value, into.engine);
      case 1: return read_keep(reading, value, into.keep);
      case 2: return read_priority(reading, value, into.priority);
      case 3: return reading.duration(value, 1ms, deadline);
      case 4: return read_min_residency(reading, value, into.min_residency);
      case 5: return read_media_urls(reading, value, into.media_urls);
    }
  });
}

void read_log(Reading& reading, const Entry& entry, Log& into) {
  constexpr std::array<std::string_view, 2> kKeys{"format", "access"};
  constexpr std::array<std::string_view, 2> kFormats{"text", "json"};
  reading.fields(entry, {"log"}, kKeys, [&](std::size_t key, const Entry& value) {
    if (key == 1) return reading.boolean(value, into.access);
    if (const auto word = reading.word(value, kFormats)) into.format = *word == 0 ? LogFormat::text : LogFormat::json;
  });
}

void read_engines(Reading& reading, const Entry& entry, ModelDefaults& into) {
  constexpr std::array<std::string_view, 1> kEngines{"llama"};
  constexpr std::array<std::string_view, 1> kLlama{"binary"};
  reading.fields(entry, {"engines"}, kEngines, [&](std::size_t, const Entry& llama) {
    reading.fields(llama, {"engine", "llama"}, kLlama,
                   [&](std::size_t, const Entry& binary) { reading.program(binary, into.llama.binary); });
  });
}

Config read_config(Reading& reading, const yaml::Document& document) {
  constexpr std::array<std::string_view, 13> kKeys{"listen",   "hosts",   "keys",   "admin_socket", "budgets",
                                                   "defaults", "engines", "policy", "limits",       "log",
                                                   "groups",   "models",  "state"};
  Config config;
  ModelDefaults defaults;
  std::optional<Entry> listen;
  std::optional<Entry> models;  // read last: everything else may hold their defaults
  const Entry whole{"the file", &document.root(), &document.root()};
  reading.fields(whole, {"the file"}, kKeys, [&](std::size_t key, const Entry& value) {
    switch (key) {
      case 0: listen = value; return read_listen(reading, value, config.listen);
      case 1: return read_hosts(reading, value, config.hosts);
      case 2: config.keys = read_keys(reading, value); return;
      case 3: return read_admin_socket(reading, value, config.admin_socket);
      case 4: return read_budgets(reading, value, config.budgets);
      case 5: return read_defaults(reading, value, config.deadline, defaults);
      case 6: return read_engines(reading, value, defaults);
      case 7: return read_policy(reading, value, config.policy);
      case 8: return read_limits(reading, value, config.limits, defaults);
      case 9: return read_log(reading, value, config.log);
      case 10: config.groups = read_groups(reading, value); return;
      case 11: models = value; return;
      case 12: return read_state(reading, value, config.state);
    }
  });
  if (const std::string why = why_too_open(config); listen && !why.empty()) reading.problem(*listen->value, why);
  if (models) config.models = read_models(reading, *models, defaults, config);
  return config;
}

std::expected<Config, Problems> read(std::string_view text, const std::string& name, const std::string& folder,
                                     const Environment& environment) {
  const yaml::Document document(text);
  if (const auto& mistake = document.mistake()) {
    const yaml::Position at = document.position(mistake->offset);
    return std::unexpected(Problems{{name, at.line, at.column, mistake->message}});
  }
  Reading reading(document, name, folder, environment);
  Config config = read_config(reading, document);
  config.file = name;
  Problems problems = reading.take_problems();
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return config;
}

}  // namespace

std::string to_string(const Problem& problem) {
  if (problem.line == 0) return std::format("{}: {}", problem.file, problem.message);
  return std::format("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
}

Bytes limit_on(const Budget& budget, Bytes device_total) {
  if (const auto* bytes = std::get_if<Bytes>(&budget.limit)) return std::min(*bytes, device_total);
  const double share = static_cast<double>(device_total.count) * std::get<Percent>(budget.limit).value / 100;
  return std::min(Bytes{std::llround(share)}, device_total);
}

std::string why_too_open(const Config& config) {
  if (is_loopback(config.listen) || !config.keys.empty()) return {};
  return std::format(
      "listen: other machines can reach {}, and nobody has to show a key; make keys with `rouse key new` or listen on "
      "127.0.0.1",
      to_string(config.listen));
}

const Budget& Budgets::of(DeviceId device) const {
  if (device == kHost) return host;
  const auto named = gpus.find(device);
  return named == gpus.end() ? every_gpu : named->second;
}

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::expected<Config, Problems> from_text(std::string_view text, const std::string& name,
                                          const Environment& environment) {
  return read(text, name, std::string(folder_of(name)), environment);
}

std::expected<Config, Problems> load(const std::string& path, const Environment& environment) {
  const auto cannot = [&](const std::string& why) {
    return std::unexpected(Problems{{path, 0, 0, "cannot be read: " + why}});
  };
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return cannot(error.message());
  if (std::filesystem::is_directory(absolute, error))
    return cannot("it is a folder; name the file in it, or serve --models");
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot(std::generic_category().message(errno));
  constexpr std::size_t kEnough = 65 * 1024 * 1024;  // more than a document may have; some files never end
  std::string text;
  const std::uintmax_t size = std::filesystem::file_size(absolute, error);
  if (!error && size < kEnough) text.reserve(size);
  std::array<char, 65536> block{};
  while (text.size() < kEnough && (file.read(block.data(), block.size()) || file.gcount() > 0)) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return cannot("reading broke off");
  // Who writes a file anew empties it first, and a full disk leaves it so.
  if (text.find_first_not_of(" \t\r\n\xEF\xBB\xBF") == std::string::npos)
    return std::unexpected(Problems{{path, 0, 0, "is empty; for no models and all defaults write {}"}});
  return read(text, path, absolute.parent_path().string(), environment);
}

}  // namespace rouse::config
