#include "config/command.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <glaze/json/read.hpp>
#include <utility>

#include "config/models.hpp"
#include "config/names.hpp"

namespace rouse::config {
namespace {

constexpr std::string_view kArgv = R"(a list such as [python3, app.py, --port, "{port}"])";

// Text with placeholders; nothing, and a problem, if it is none.
std::optional<Template> read_template(Reading& reading, const Entry& entry) {
  if (entry.value->kind == yaml::Kind::map && !entry.value->is_nothing()) {
    // [--port, {port}] is a map to YAML.
    reading.problem(
        *entry.value,
        std::format("{}: expected text, found a map; write a placeholder in quotes: \"{{port}}\"", entry.key));
    return std::nullopt;
  }
  const auto text = reading.scalar(entry, "text");
  if (!text) return std::nullopt;
  auto parsed = parse_template(*text);
  if (parsed) return std::move(*parsed);
  reading.problem(*entry.value,
                  std::format("{}: unknown placeholder {{{}}}; expected {{socket}}, {{port}}, {{model}} or "
                              "{{gpus}}; for the characters themselves write {{{{{}}}",
                              entry.key, parsed.error(), parsed.error()));
  return std::nullopt;
}

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool names(const Command& command, Placeholder placeholder) {
  const auto in = [&](const Template& text) { return has(text, placeholder); };
  return std::ranges::any_of(command.argv, in) || std::ranges::any_of(command.environment, in, &Variable::value);
}

bool is_path(std::string_view text) {  // with a query, perhaps
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  return text.starts_with('/') && std::ranges::all_of(text, is_plain);
}

void read_hook_body(Reading& reading, const Entry& entry, std::string& into) {
  std::string body;
  reading.text(entry, body);
  if (!body.empty() && glz::validate_json(body)) return reading.expected(entry, R"(JSON such as '{"level": 1}')");
  into = std::move(body);
}

// The `key`th of path, method and body.
void read_hook(Reading& reading, std::size_t key, const Entry& entry, Hook& into) {
  if (key == 2) return read_hook_body(reading, entry, into.body);
  const std::string_view what = key == 0 ? "a path such as /now?level=1" : "POST, PUT or GET";
  if (key == 0) into.path = "/";  // it has one, right or wrong
  const auto text = reading.scalar(entry, what);
  if (!text) return;
  const bool right = key == 0 ? is_path(*text) : *text == "POST" || *text == "PUT" || *text == "GET";
  if (!right) return reading.expected(entry, what);
  (key == 0 ? into.path : into.method) = *text;
}

void read_whole_hook(Reading& reading, const Entry& entry, std::string_view which, Hook& into) {
  constexpr std::array<std::string_view, 3> kKeys{"path", "method", "body"};
  reading.fields(entry, {entry.key}, kKeys,
                 [&](std::size_t key, const Entry& value) { read_hook(reading, key, value, into); });
  if (into.path.empty()) reading.problem(*entry.at, std::format("{} has no path; expected path: {}", entry.key, which));
  if (into.path.empty()) into.path = "/";  // that has been told
}

}  // namespace

void read_argv(Reading& reading, const Entry& entry, Command& into) {
  const std::vector<Entry> words = reading.items(entry, kArgv);
  if (words.empty() && entry.value->kind != yaml::Kind::scalar && entry.value->kind != yaml::Kind::map)
    reading.problem(*entry.at, std::format("{}: expected {}, found nothing", entry.key, kArgv));
  into.argv.clear();
  for (const Entry& word : words) {
    if (&word != &words.front()) {
      auto text = read_template(reading, word);
      if (!text) return into.argv.clear();  // what the rest lacks is not to be judged
      into.argv.push_back(std::move(*text));
      continue;
    }
    std::string program;
    reading.program(word, program);
    if (program.contains('{')) reading.expected(word, "a program without placeholders, which are for its arguments");
    into.argv.push_back({program});
  }
}

void read_environment(Reading& reading, const Entry& entry, Command& into) {
  into.environment.clear();
  for (const Entry& pair : reading.pairs(entry, {"env"})) {
    if (!is_variable_name(pair.key)) {
      reading.problem(*pair.at, std::format("env: {} cannot name a variable; expected letters, digits and _, beginning "
                                            "with no digit",
                                            in_quotes(pair.key)));
    }
    if (auto value = read_template(reading, pair))
      into.environment.push_back({std::string(pair.key), std::move(*value)});
  }
  std::ranges::sort(into.environment, {}, &Variable::name);
}

void read_listen(Reading& reading, const Entry& entry, std::optional<Address>& into) {
  constexpr std::string_view kWhat = "an address such as 127.0.0.1:5160";
  const auto text = reading.scalar(entry, kWhat);
  if (!text) return;
  const auto address = parse_address(*text);
  if (!address) return reading.expected(entry, kWhat);
  if (!is_loopback(*address)) {
    return reading.problem(
        *entry.value,
        std::format(
            "listen: other machines can reach {}, and nobody has to show a key there; listen on 127.0.0.1, and "
            "have others come by /rouse/v1/models/…/app/, where keys are asked for, or through a proxy that asks",
            to_string(*address)));
  }
  into = *address;
}

void read_health(Reading& reading, const Entry& entry, Command& into) {
  constexpr std::string_view kWhat = "a path such as /health, which answers 200 once the program is ready";
  const auto path = reading.scalar(entry, kWhat);
  if (!path) return;
  if (!is_path(*path)) return reading.expected(entry, kWhat);
  into.health = *path;
}

void read_footprint(Reading& reading, const Entry& entry, core::Placement& into) {
  for (const Entry& pair : reading.pairs(entry, {"footprint"})) {
    const std::optional<DeviceId> device = parse_device(pair.key);
    if (!device) {
      constexpr std::array<std::string_view, 3> kSome{"host", "gpu0", "gpu1, …"};
      reading.unknown_key(pair, {"footprint"}, kSome);
      continue;
    }
    core::DeviceBytes share{*device, {}};
    reading.bytes(pair, Bytes{1}, share.bytes);
    into.push_back(share);
  }
  std::ranges::sort(into, {}, &core::DeviceBytes::device);
}

void read_sleep(Reading& reading, const Entry& entry, Command& into) {
  constexpr std::array<std::string_view, 6> kKeys{"path", "method", "body", "footprint", "keep", "timeout"};
  Sleep& sleep = into.sleep ? *into.sleep : into.sleep.emplace();
  reading.fields(entry, {"sleep"}, kKeys, [&](std::size_t key, const Entry& value) {
    if (key < 3) read_hook(reading, key, value, sleep.sleep);
    if (key == 3) read_footprint(reading, value, sleep.footprint);
    if (key == 4) read_keep(reading, value, sleep.keep);
    if (key == 5) reading.duration(value, std::chrono::milliseconds(1), sleep.timeout);
  });
  if (sleep.sleep.path.empty())
    reading.problem(*entry.at, "sleep has no path; expected path: the one that the program sleeps at, such as /sleep");
  if (sleep.sleep.path.empty()) sleep.sleep.path = "/";  // that has been told
  if (sleep.footprint.empty())
    reading.problem(*entry.at,
                    "sleep has no footprint; expected footprint: {host: SIZE}, what the program keeps asleep");
}

void read_wake(Reading& reading, const Entry& entry, Command& into) {
  Sleep& sleep = into.sleep ? *into.sleep : into.sleep.emplace();
  read_whole_hook(reading, entry, "the one that the program wakes at, such as /wake_up", sleep.wake);
}

void read_trim(Reading& reading, const Entry& entry, Command& into) {
  read_whole_hook(reading, entry, "the one at which the program drops its caches, such as /trim", into.trim.emplace());
}

void read_estimate(Reading& reading, const Entry& entry, Command& into) {
  read_whole_hook(reading, entry, "the one at which the program says what it takes, such as /memory",
                  into.estimate.emplace(Hook{.method = "GET", .path = {}, .body = {}}));
}

void check_sleep(Reading& reading, const Entry& entry, Command& into) {
  if (!into.sleep || into.sleep->sleep.path.empty() == into.sleep->wake.path.empty()) return;
  const bool sleeps = !into.sleep->sleep.path.empty();
  reading.problem(*entry.at,
                  std::format("model {} has {} but no {}; a program that is put to sleep has to be woken: expected "
                              "{}: {{path: /…}}",
                              in_quotes(entry.key), sleeps ? "sleep" : "wake", sleeps ? "wake" : "sleep",
                              sleeps ? "wake" : "sleep"));
}

void check_placeholders(Reading& reading, const Entry& entry, const Entry& command, Command& into) {
  if (into.argv.empty()) return;  // the mistake has been told
  const bool socket = names(into, Placeholder::socket);
  const bool port = names(into, Placeholder::port);
  into.listens = port ? Listens::port : Listens::socket;
  if (socket && port) {
    reading.problem(*command.at,
                    std::format("model {} has both {{socket}} and {{port}}; keep the one where its program "
                                "is to listen",
                                in_quotes(entry.key)));
  } else if (!socket && !port) {
    reading.problem(
        *command.at,
        std::format("model {} does not tell its program where to listen; write \"{{port}}\" (of 127.0.0.1) or "
                    "\"{{socket}}\" (the path of a Unix socket) in its command or env, as in {}",
                    in_quotes(entry.key), kArgv.substr(kArgv.find('['))));
  }
  if (names(into, Placeholder::model) && into.source.empty()) {
    reading.problem(*command.at, std::format("model {} has {{model}}, which stands for its source, but no source; "
                                             "expected source: a file or a folder",
                                             in_quotes(entry.key)));
  }
}

}  // namespace rouse::config
