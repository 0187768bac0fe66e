// What several commands say of a model in the same words.
#include <format>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/text.hpp"

namespace rouse::cli {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

Style style_of_state(const ModelReply& model) {
  if (model.state == "ready") return Style::good;
  if (model.state == "failed") return Style::bad;
  return model.state == "cold" ? Style::faint : Style::notable;
}

std::string size_in_words(const ModelReply& model) {
  if (!model.footprint || model.footprint->empty()) return "?";
  return (model.footprint_source == "estimated" ? "~" : "") + in_words(*model.footprint);
}

std::string in_words(const DuplicatesReply& duplicates) {
  return std::format("{} processes hold {} each", duplicates.processes, to_string(Bytes{duplicates.bytes_each}));
}

void print_json(Terminal& terminal, std::string_view json) {
  terminal.out() << json << (json.ends_with('\n') ? "" : "\n");
}

std::string in_words(const Footprint& footprint) {
  if (footprint.size() == 1 && footprint.begin()->first == "host") return to_string(Bytes{footprint.begin()->second});
  std::vector<std::string> parts;
  for (const auto& [device, bytes] : footprint) parts.push_back(std::format("{} {}", device, to_string(Bytes{bytes})));
  return joined(parts);
}

std::string how_far(const ModelReply& model) {
  if ((model.state != "loading" && model.state != "waking") || !model.progress) return "";
  std::string words = std::format("{:.0f} %", *model.progress * 100);
  if (model.eta_ms) {
    const std::chrono::duration<double, std::milli> left(*model.eta_ms);
    words += std::format(", about {} left", in_words(std::chrono::duration_cast<Duration>(left)));
  }
  return words;
}

std::string expiry(const ModelReply& model, WallTime now) {
  if (model.state != "ready" && model.state != "asleep") return "";
  if (model.leases > 0) return "in use";
  const auto expires = parse_time(model.expires_at.value_or(""));
  return expires ? relative(*expires, now) : "never";
}

}  // namespace rouse::cli
