#include "config/command.hpp"

#include <algorithm>
#include <format>
#include <utility>

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
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (!path->starts_with('/') || !std::ranges::all_of(*path, is_plain)) return reading.expected(entry, kWhat);
  into.health = *path;
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
