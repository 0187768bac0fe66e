// The scan of a request's body against another reader of JSON: what one accepts the other accepts, and both find the
// same model. Otherwise an engine might serve a request as something else than what it was let in as.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <glaze/json/generic.hpp>
#include <glaze/json/read.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

#include "api/engine_message.hpp"
#include "api/json_scan.hpp"
#include "api/media_urls.hpp"
#include "api/request_body.hpp"
#include "api/utf8.hpp"

namespace {

using namespace rouse::api;

struct Strict : glz::opts {
  bool validate_trailing_whitespace = true;
};
constexpr Strict kStrict = [] {
  Strict options;
  options.null_terminated = false;
  return options;
}();

void demand(bool holds) {
  if (!holds) std::abort();
}

// Reasons for which we refuse what is well-formed.
bool is_ours(std::string_view message) {
  for (const std::string_view own : {"twice", "too deeply nested", "a JSON object was expected", "\"model\"",
                                     "\"stream\"", "\"keep_alive\"", "\"priority\"", "\"deadline\""}) {
    if (message.contains(own)) return true;
  }
  return false;
}

// Halves of surrogate pairs are well-formed JSON and no text, and numbers may be larger than others can hold: there the
// other reader is stricter. (An escape or a digit is all that it takes to look so.)
bool other_may_refuse(std::string_view text) {
  return text.contains("\\u") || text.find_first_of("0123456789") != std::string_view::npos || !is_utf8(text);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool brings_itself(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text.starts_with("data:")) return true;
  if (text.starts_with("http") || text.starts_with("file")) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+/=-_ \t\r\n") == std::string::npos;
}

// Media by URL, as somebody sees them who has read the whole text into a tree.
bool names_media(const glz::generic& value, std::string_view key, bool outermost) {
  const bool media = is_one_of(key, {"image_url", "audio_url", "video_url", "file_url", "input_image", "input_audio",
                                     "input_video", "image", "audio", "video", "file_data"});
  const bool reference = media || key == "source" || key == "file";
  if (value.is_string()) return media && !brings_itself(value.get<std::string>());
  if (value.is_array()) {
    for (const glz::generic& item : value.get_array()) {
      if (names_media(item, key, false)) return true;
    }
  }
  if (!value.is_object()) return false;
  const bool call = !outermost && value.contains("type") && value["type"].is_string() &&
                    is_one_of(value["type"].get<std::string>(), {"tool_use", "server_tool_use", "mcp_tool_use"});
  for (const auto& [name, member] : value.get_object()) {
    if (call && name == "input") continue;
    const bool place = (reference && (name == "url" || name == "uri")) || (media && name == "data");
    if (place && member.is_string() && !brings_itself(member.get<std::string>())) return true;
    if (names_media(member, name, false)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ours = read_json_body(text);
  glz::generic other;
  const bool accepted = !glz::read<kStrict>(other, text);
  demand(!engine_message(text, 500).empty() || text.contains("\"\""));

  if (!ours) {
    demand(!accepted || is_ours(ours.error().message));
    return 0;
  }
  demand(accepted || other_may_refuse(text));
  const auto media = find_media_url(text);
  demand(!media || (ours->may_hold_media && text[*media] == '"'));
  if (!accepted) return 0;
  demand(media || !names_media(other, "", true));
  demand(ours->model.has_value() == other.contains("model"));
  if (!ours->model) return 0;
  demand(other["model"].get<std::string>() == *ours->model);
  demand(ours->stream == (other.contains("stream") && other["stream"].is_boolean() && other["stream"].get<bool>()));

  // The place that was found holds the model and nothing else: another one put there is found in its stead.
  std::string edited(text);
  const Span place = ours->model_place;
  edited.replace(place.begin, place.end - place.begin, "\"another\"");
  const auto again = read_json_body(edited);
  demand(again && again->model == "another" && again->stream == ours->stream);

  // What is ours does not reach the engine, and all else does, under the name that the engine knows.
  auto renamed = *ours;
  renamed.rename_model("a/\"b\"");
  const auto sent = read_json_body(renamed.edits.made_in(text));
  demand(sent && sent->model == "a/\"b\"" && sent->stream == ours->stream && sent->edits.empty());
  return 0;
}
