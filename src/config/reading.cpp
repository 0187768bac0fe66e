#include "config/reading.hpp"

#include <charconv>
#include <cmath>
#include <format>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/duration.hpp"
#include "base/nearest.hpp"
#include "config/paths.hpp"

namespace rouse::config {
namespace {

constexpr std::size_t kLongestShown = 80;

// Which keys of a map have been there. Most maps are small, the one of all models is not.
class Seen {
 public:
  // The entry of this key that was there before; otherwise remembers this one.
  const Entry* earlier(const std::vector<Entry>& entries, std::string_view key) {
    if (entries.size() < 32) {
      const auto found = std::ranges::find(entries, key, &Entry::key);
      return found == entries.end() ? nullptr : &*found;
    }
    if (index_.empty()) {
      for (std::size_t i = 0; i < entries.size(); ++i) index_.emplace(entries[i].key, i);
    }
    const auto [found, added] = index_.emplace(key, entries.size());
    return added ? nullptr : &entries[found->second];
  }

 private:
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace

std::string to_string(Subject subject) {
  std::string text(subject.what);
  if (!subject.name.empty()) text += ' ' + in_quotes(subject.name);
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string shown = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool character_begins = (c & 0xC0U) != 0x80U;
    if (i >= kLongestShown && character_begins) {
      shown += "…";
      break;
    }
    if (c < 0x20 || c == 0x7F) {
      shown += std::format("\\x{:02x}", c);
    } else {
      shown += text[i];
    }
  }
  return shown + '"';
}

std::string alternatives(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

Reading::Reading(const yaml::Document& document, const std::string& file, const std::string& folder,
                 const Environment& environment)
    : document_(document), file_(file), folder_(folder), environment_(environment) {}

// --- problems -----------------------------------------------------------------------------------------------

Place Reading::place(const yaml::Node& node) const {
  const yaml::Position position = document_.position(node.offset);
  return {position.line, position.column};
}

void Reading::problem(const yaml::Node& at, std::string message) {
  const Place where = place(at);
  problems_.push_back({file_, where.line, where.column, std::move(message)});
}

void Reading::expected(const Entry& entry, std::string_view what) {
  const yaml::Node& value = *entry.value;
  std::string found;
  if (value.is_nothing()) {
    found = "nothing";
  } else if (value.kind == yaml::Kind::list) {
    found = "a list";
  } else if (value.kind == yaml::Kind::map) {
    found = "a map";
  } else {
    found = in_quotes(value.text);
    const auto meant = value.text.contains("${") ? substituted(value) : std::nullopt;
    if (meant) found += ", which is " + in_quotes(*meant);
  }
  const std::string key = in_quotes(entry.key);  // without the quotes: on one line
  problem(value, std::format("{}: expected {}, found {}", key.substr(1, key.size() - 2), what, found));
}

Problems Reading::take_problems() {
  std::ranges::stable_sort(problems_, {}, [](const Problem& p) { return std::tuple(p.line, p.column); });
  const auto again = std::ranges::unique(problems_);  // an anchor's value is read wherever it is used
  problems_.erase(again.begin(), again.end());
  return std::move(problems_);
}

void Reading::unknown_key(const Entry& entry, Subject subject, std::span<const std::string_view> names) {
  const std::string question = did_you_mean(entry.key, names);
  problem(*entry.at, std::format("unknown key {} in {}; {}", in_quotes(entry.key), to_string(subject),
                                 question.empty() ? "expected " + alternatives(names) : question));
}

// --- lists and maps -----------------------------------------------------------------------------------------

std::vector<Entry> Reading::items(const Entry& list, std::string_view what) {
  std::vector<Entry> items;
  if (list.value->is_nothing()) return items;
  if (list.value->kind != yaml::Kind::list) {
    expected(list, what);
    return items;
  }
  for (const yaml::Node* item = document_.child(*list.value); item != nullptr; item = document_.next(*item)) {
    items.push_back({list.key, item, item});
  }
  return items;
}

std::vector<Entry> Reading::pairs(const Entry& map, Subject subject) {
  std::vector<Entry> pairs;
  if (map.value->is_nothing()) return pairs;
  if (map.value->kind != yaml::Kind::map) {
    expected(map, "a map of keys and values");
    return pairs;
  }
  pairs.reserve(16);
  Seen seen;
  std::vector<const yaml::Node*> merges;
  for (const yaml::Node* key = document_.child(*map.value); key != nullptr;) {
    const yaml::Node* value = document_.next(*key);
    if (key->plain && key->text == "<<") {
      merges.push_back(value);
    } else if (const Entry* earlier = seen.earlier(pairs, key->text)) {
      problem(*key, std::format("duplicate key {} in {}; it is in line {} already", in_quotes(key->text),
                                to_string(subject), place(*earlier->at).line));
    } else {
      pairs.push_back({key->text, key, value});
    }
    key = document_.next(*value);
  }
  for (const yaml::Node* merged : merges) {
    if (merged->kind != yaml::Kind::map) {
      expected({"<<", merged, merged}, "one map named before (&name), as *name");
      continue;
    }
    for (const yaml::Node* key = document_.child(*merged); key != nullptr;) {
      const yaml::Node* value = document_.next(*key);
      if (seen.earlier(pairs, key->text) == nullptr) pairs.push_back({key->text, key, value});
      key = document_.next(*value);
    }
  }
  return pairs;
}

// --- scalars ------------------------------------------------------------------------------------------------

// ${NAME} and ${NAME:-default} are replaced; $${ stands for ${, and any other $ for itself.
std::optional<std::string_view> Reading::substituted(const yaml::Node& node) {
  const std::string_view text = node.text;
  if (text.find("${") == std::string_view::npos) return text;
  const auto problem_at = [&](std::size_t i, std::string message) {
    const yaml::Position position = document_.position(document_.offset_of(node, i));
    problems_.push_back({file_, position.line, position.column, std::move(message)});
  };
  std::string out;
  bool good = true;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("$${")) {
      out += "${";
      i += 3;
      continue;
    }
    if (!text.substr(i).starts_with("${")) {
      out += text[i++];
      continue;
    }
    const std::size_t close = text.find('}', i);
    if (close == std::string_view::npos) {
      problem_at(i, "\"${\" without \"}\"; for the characters themselves write \"$${\"");
      return std::nullopt;
    }
    const std::string_view inside = text.substr(i + 2, close - i - 2);
    const std::string_view name = inside.substr(0, inside.find(":-"));
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const bool valid = !name.empty() && is_letter(name[0]) &&
                       std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
    const std::optional<std::string> value = valid ? environment_(name) : std::nullopt;
    const bool has_default = name.size() < inside.size();
    if (!valid) {
      problem_at(i, std::format("{} is not the name of a variable; expected ${{NAME}} or ${{NAME:-default}}",
                                in_quotes(name)));
      good = false;
    } else if (has_default && (!value || value->empty())) {
      out += inside.substr(name.size() + 2);
    } else if (value) {
      out += *value;
    } else {
      problem_at(i, std::format("the environment variable {0} is not set; set it, or write ${{{0}:-default}}", name));
      good = false;
    }
    i = close + 1;
  }
  if (!good) return std::nullopt;
  return texts_.emplace_back(std::move(out));
}

std::optional<std::string_view> Reading::scalar(const Entry& entry, std::string_view what) {
  if (entry.value->kind != yaml::Kind::scalar || entry.value->is_nothing()) {
    expected(entry, what);
    return std::nullopt;
  }
  return substituted(*entry.value);
}

void Reading::text(const Entry& entry, std::string& into) {
  if (const auto text = scalar(entry, "text")) into = *text;
}

std::optional<std::string> Reading::resolved(const Entry& entry, std::string_view path) {
  if (path.empty()) {
    expected(entry, "a path");
    return std::nullopt;
  }
  if (path == "~" || path.starts_with("~/")) {
    const std::optional<std::string> home = environment_("HOME");
    if (home && !home->empty()) return *home + std::string(path.substr(1));
    problem(*entry.value,
            std::format("{}: {} needs the environment variable HOME, which is not set", entry.key, in_quotes(path)));
    return std::nullopt;
  }
  if (path.starts_with("~")) {
    problem(*entry.value, std::format("{}: {}: only ~/ is expanded, not another user's ~; write the whole path",
                                      entry.key, in_quotes(path)));
    return std::nullopt;
  }
  return joined_path(folder_, path);
}

void Reading::path(const Entry& entry, std::string& into) {
  const auto text = scalar(entry, "a path");
  if (!text) return;
  if (auto path = resolved(entry, *text)) into = *std::move(path);
}

void Reading::program(const Entry& entry, std::string& into) {
  const auto text = scalar(entry, "a path or the name of a program");
  if (!text) return;
  if (!text->empty() && !text->contains('/') && !text->starts_with('~')) {
    into = *text;
  } else if (auto path = resolved(entry, *text)) {
    into = *std::move(path);
  }
}

void Reading::boolean(const Entry& entry, bool& into) {
  const auto text = scalar(entry, "true or false");
  if (!text) return;
  if (*text == "true" || *text == "false") {
    into = *text == "true";
  } else {
    expected(entry, "true or false");
  }
}

void Reading::number(const Entry& entry, double& into) {
  constexpr std::string_view kWhat = "a number such as 1 or 0.5";
  const auto text = scalar(entry, kWhat);
  if (!text) return;
  double value = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) return expected(entry, kWhat);
  into = value;
}

void Reading::integer(const Entry& entry, std::uint32_t least, std::uint32_t most, std::uint32_t& into) {
  const auto what = [&] { return std::format("a whole number from {} to {}", least, most); };
  if (entry.value->kind != yaml::Kind::scalar || entry.value->is_nothing()) return expected(entry, what());
  const auto text = substituted(*entry.value);
  if (!text) return;
  std::uint32_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || rest != end || value < least || value > most) return expected(entry, what());
  into = value;
}

void Reading::bytes(const Entry& entry, Bytes least, Bytes& into) {
  constexpr std::string_view kWhat = "a size such as 512MiB or 8GiB";
  const auto text = scalar(entry, kWhat);
  if (!text) return;
  const std::optional<Bytes> value = parse_bytes(*text);
  if (!value) return expected(entry, kWhat);
  if (*value < least) return expected(entry, std::format("a size of at least {}", rouse::to_string(least)));
  into = *value;
}

void Reading::duration(const Entry& entry, Duration least, Duration& into) {
  constexpr std::string_view kWhat = "a duration such as 250ms, 30s, 5m or 1h30m";
  const auto text = scalar(entry, kWhat);
  if (!text) return;
  const std::optional<Duration> value = parse_duration(*text);
  if (!value) return expected(entry, kWhat);
  if (*value < least) return expected(entry, std::format("a duration of at least {}", format_duration(least)));
  into = *value;
}

void Reading::secret(const Entry& entry, std::string& into) {
  const auto name = scalar(entry, "the name of an environment variable");
  if (!name) return;
  const auto value = environment_(*name);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!value || value->empty()) {
    problem(*entry.value, std::format("{}: the environment variable {} is not set", entry.key, in_quotes(*name)));
  } else if (std::ranges::any_of(*value, is_control)) {
    problem(*entry.value,
            std::format("{}: the environment variable {} holds a line break or the like", entry.key, in_quotes(*name)));
  } else {
    into = *value;
  }
}

std::optional<std::size_t> Reading::word(const Entry& entry, std::span<const std::string_view> names) {
  const std::string what = alternatives(names);
  const auto text = scalar(entry, what);
  if (!text) return std::nullopt;
  const auto found = std::ranges::find(names, *text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::string question = did_you_mean(*text, names);
  problem(*entry.value, std::format("{}: expected {}, found {}{}{}", entry.key, what, in_quotes(*text),
                                    question.empty() ? "" : "; ", question));
  return std::nullopt;
}

}  // namespace rouse::config
