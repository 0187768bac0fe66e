#include "api/media_urls.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/json_scan.hpp"

namespace rouse::api {
namespace {

// What a value is, by the key it stands under.
enum class Holds : std::uint8_t {
  nothing,    // that is fetched
  media,      // itself, if it is a string; as url, uri or data, if it is an object
  reference,  // as url or uri, if it is an object
};

Holds holds(std::string_view key) {
  constexpr std::array<std::string_view, 20> kMedia{
      "image_url",   "audio_url", "video_url", "file_url",   "input_image",      "input_images",  "input_audio",
      "input_video", "image",     "images",    "init_image", "reference_images", "control_image", "mask",
      "audio",       "ref_audio", "audios",    "video",      "videos",           "file_data"};
  constexpr std::array<std::string_view, 2> kReferences{"source", "file"};
  const std::string_view name = key.substr(0, key.find('['));  // image[], image[0]
  if (std::ranges::contains(kMedia, name)) return Holds::media;
  return std::ranges::contains(kReferences, name) ? Holds::reference : Holds::nothing;
}

// What tools were called with is theirs alone; engines hand it on as text.
bool is_tool_call(std::string_view type) {
  return type == "tool_use" || type == "server_tool_use" || type == "mcp_tool_use";
}

// A string's characters, from its opening quote on. What is no ASCII, in whatever form, is '\x80'.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text.substr(1)) {}

  // Nothing at the closing quote.
  std::optional<char> next() {
    const char c = text_[at_++];
    if (c == '"') return std::nullopt;
    if (c != '\\') return static_cast<unsigned char>(c) < 0x80 ? c : '\x80';
    const char escape = text_[at_++];
    constexpr std::string_view kEscapes = "bfnrt";
    if (const std::size_t which = kEscapes.find(escape); which != std::string_view::npos) return "\b\f\n\r\t"[which];
    if (escape != 'u') return escape;
    const std::string_view digits = text_.substr(std::exchange(at_, at_ + 4), 4);
    unsigned code = 0;
    for (const char digit : digits) {
      code = code * 16 + static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return code < 0x80 ? static_cast<char>(code) : '\x80';
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool begins_with(std::string_view text, std::string_view lower_case) {
  Characters characters(text);
  return std::ranges::all_of(lower_case, [&](char wanted) {
    const auto c = characters.next();
    return c && (*c >= 'A' && *c <= 'Z' ? static_cast<char>(*c - 'A' + 'a') : *c) == wanted;
  });
}

// Both of its alphabets, its padding, and the white space that its readers skip.
constexpr auto kBase64 = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \t\r\n")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

// Whether the string that begins `text` brings its media along.
bool is_self_contained(std::string_view text) {
  if (begins_with(text, "data:")) return true;
  // As base64 these two mean bytes that begin no media; as the begin of a URL they need no colon for some.
  if (begins_with(text, "http") || begins_with(text, "file")) return false;
  Characters characters(text);
  while (const auto c = characters.next()) {
    if (!kBase64[static_cast<unsigned char>(*c)]) return false;
  }
  return true;
}

// Walks through the values of a text that is known to be well formed.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::optional<std::size_t> run() {
    while (at_ < text_.size() && !found_) step();
    return found_;
  }

 private:
  enum class Key : std::uint8_t { other, type, input, locator, data };

  struct Level {
    bool object = false;
    Holds holds = Holds::nothing;  // by the key that leads here
    // Of an object:
    bool at_key = false;                  // its next string is a key
    Key key = Key::other;                 // the last one
    Holds member_holds = Holds::nothing;  // by that key
    unsigned types = 0;                   // how many members are called "type"
    bool tool_call = false;               // and the last of them says so
    std::optional<std::size_t> pending;   // a URL within "input": fetched unless this turns out to be a tool call
  };

  void step() {
    const char c = text_[at_];
    switch (c) {
      case '{':
      case '[': open(c == '{'); break;
      case '}':
      case ']': close(); break;
      case ',':
        levels_.back().at_key = levels_.back().object;
        ++at_;
        break;
      case '"': string(); break;
      default: ++at_;  // spaces, colons, numbers and words
    }
  }

  Holds held_here() const {
    if (levels_.empty()) return Holds::nothing;
    const Level& around = levels_.back();
    return around.object ? around.member_holds : around.holds;
  }

  void open(bool object) {
    Level level;
    level.holds = held_here();
    level.object = level.at_key = object;
    levels_.push_back(std::move(level));
    ++at_;
  }

  void close() {
    const Level ended = std::move(levels_.back());
    levels_.pop_back();
    ++at_;
    const bool call = ended.types == 1 && ended.tool_call;
    if (ended.pending && !call) report(*ended.pending);
  }

  void string() {
    const std::size_t begin = at_;
    do at_ = text_.find('"', at_ + 1);
    while (is_escaped(at_));
    ++at_;
    const std::string_view quoted = text_.substr(begin, at_ - begin);
    Level& here = levels_.back();
    if (here.at_key) return begin_member(here, quoted);
    if (here.object && here.key == Key::type) {
      ++here.types;
      here.tool_call = is_tool_call(quoted.substr(1, quoted.size() - 2));
    }
    if (is_fetched(here) && !is_self_contained(quoted)) report(begin);
  }

  // An odd number of backslashes stands before it.
  bool is_escaped(std::size_t at) const {
    const std::size_t before = text_.find_last_not_of('\\', at - 1);  // the opening quote at the latest
    return (at - before) % 2 == 0;
  }

  static void begin_member(Level& object, std::string_view quoted) {
    std::string decoded;
    std::string_view key = quoted.substr(1, quoted.size() - 2);
    if (key.contains('\\')) {
      if (auto plain = decode_string(quoted)) decoded = std::move(*plain);
      key = decoded;
    }
    object.at_key = false;
    object.member_holds = rouse::api::holds(key);
    object.key = key == "type"                  ? Key::type
                 : key == "input"               ? Key::input
                 : key == "url" || key == "uri" ? Key::locator
                 : key == "data"                ? Key::data
                                                : Key::other;
  }

  // Whether a string that stands here as a value would be fetched.
  static bool is_fetched(const Level& here) {
    if (!here.object) return here.holds == Holds::media;
    if (here.member_holds == Holds::media) return true;
    if (here.key == Key::data) return here.holds == Holds::media;
    return here.key == Key::locator && here.holds != Holds::nothing;
  }

  void report(std::size_t at) {
    // The input of the outermost object is what a client asks, not what a tool was called with.
    for (std::size_t depth = levels_.size(); depth > 1; --depth) {
      Level& around = levels_[depth - 1];
      if (!around.object || around.key != Key::input) continue;
      if (!around.pending) around.pending = at;
      return;
    }
    found_ = at;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
  std::optional<std::size_t> found_;
};

}  // namespace

bool may_hold_media(std::string_view written_key) {
  return holds(written_key) != Holds::nothing || written_key.contains('\\');
}

std::optional<std::size_t> find_media_url(std::string_view text) { return Walk(text).run(); }

bool is_media_url(std::string_view field, std::string_view value) {
  if (holds(field) == Holds::nothing && field != "url" && field != "uri") return false;
  // What is no URL is the picture itself, or base64 of it. Readers of URLs skip what stands before them.
  while (!value.empty() && (static_cast<unsigned char>(value.front()) <= ' ')) value.remove_prefix(1);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto in_scheme = [&](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || std::string_view("+-.").contains(c);
  };
  std::string scheme;
  for (const char c : value.substr(0, 32)) {
    if (!in_scheme(c)) break;
    scheme += lower(c);
  }
  if (scheme.starts_with("http") || scheme.starts_with("file") || value.starts_with("//")) return true;
  return !scheme.empty() && value.substr(scheme.size()).starts_with(':') && scheme != "data";
}

}  // namespace rouse::api
