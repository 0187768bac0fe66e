// The events of a streamed message: message_start, then for each block of content its start, deltas and stop, then
// message_delta with why it ended, and message_stop.
#include <algorithm>
#include <format>
#include <map>
#include <optional>

#include "api/engine_message.hpp"
#include "api/json_value.hpp"
#include "api/partial_forms.hpp"
#include "api/rouse_note.hpp"

namespace rouse::api {
namespace {

class AnthropicAnswer final : public PartialAnswer {
 public:
  void take(std::string_view data) override;
  std::string whole(const Spent* cut) const override;
  std::string ending(const Spent& cut) const override;

 private:
  void take_delta(std::int64_t index, const Json& delta);
  std::int64_t output_tokens() const;

  Json message_ = Json::object_t{};
  std::map<std::int64_t, Json> blocks_;
  std::map<std::int64_t, std::string> inputs_;  // of tools, as far as they have come: JSON
  std::optional<std::int64_t> open_;            // the block that has begun and not ended
};

void append(Json& object, std::string_view key, std::string_view text) {
  Json& into = object[key];
  if (!into.is_string()) into = std::string();
  into.get_string() += text;
}

void AnthropicAnswer::take(std::string_view data) {
  const auto event = parse_json_object(data);
  if (!event) return;
  const std::string_view type = text_of(*event, "type");
  const std::int64_t index = whole_of(*event, "index");
  if (type == "error" || member(*event, "error")) {
    error_ = engine_message(data, 500);
  } else if (type == "message_start") {
    begun_ = true;
    if (const Json* message = member(*event, "message"); message && message->is_object()) message_ = *message;
  } else if (type == "content_block_start") {
    open_ = index;
    if (const Json* block = member(*event, "content_block"); block && block->is_object()) blocks_[index] = *block;
  } else if (type == "content_block_delta") {
    const Json* delta = member(*event, "delta");
    if (delta && blocks_.contains(index)) take_delta(index, *delta);
  } else if (type == "content_block_stop") {
    open_.reset();
  } else if (type == "message_delta") {
    if (const Json* delta = member(*event, "delta"); delta && delta->is_object()) {
      for (const auto& [key, value] : delta->get_object()) message_[key] = value;
    }
    if (const Json* usage = member(*event, "usage"); usage && usage->is_object()) {
      Json& sum = message_["usage"];
      if (!sum.is_object()) sum = Json::object_t{};
      for (const auto& [key, value] : usage->get_object()) sum[key] = value;
    }
  }
}

void AnthropicAnswer::take_delta(std::int64_t index, const Json& delta) {
  ++tokens_;
  Json& block = blocks_.at(index);
  const std::string_view type = text_of(delta, "type");
  if (type == "text_delta") {
    append(block, "text", text_of(delta, "text"));
  } else if (type == "thinking_delta") {
    append(block, "thinking", text_of(delta, "thinking"));
  } else if (type == "signature_delta") {
    append(block, "signature", text_of(delta, "signature"));
  } else if (type == "input_json_delta") {
    inputs_[index] += text_of(delta, "partial_json");
  } else if (type == "citations_delta") {
    Json& citations = block["citations"];
    if (!citations.is_array()) citations = Json::array_t{};
    if (const Json* citation = member(delta, "citation")) citations.get_array().push_back(*citation);
  }
}

std::int64_t AnthropicAnswer::output_tokens() const {
  const Json* usage = member(message_, "usage");
  return std::max(usage ? whole_of(*usage, "output_tokens") : 0, static_cast<std::int64_t>(tokens_));
}

std::string AnthropicAnswer::whole(const Spent* cut) const {
  Json all = message_;
  Json& content = all["content"];
  content = Json::array_t{};
  for (const auto& [index, block] : blocks_) {
    const bool has_input = inputs_.contains(index) || text_of(block, "type") == "tool_use";
    if (cut && index == open_ && has_input) continue;  // half a tool's input is of no use
    Json& added = content.get_array().emplace_back(block);
    const auto input = inputs_.find(index);
    if (input != inputs_.end()) added["input"] = parse_json_object(input->second).value_or(Json(Json::object_t{}));
  }
  if (!cut) return to_json(all);
  if (!member(all, "stop_reason")) all["stop_reason"] = "max_tokens";
  Json& usage = all["usage"];
  if (!usage.is_object()) usage = Json::object_t{};
  usage["output_tokens"] = output_tokens();
  all["rouse"] = note_of(*cut);
  return to_json(all);
}

std::string AnthropicAnswer::ending(const Spent& cut) const {
  std::string events;
  if (open_)
    events =
        std::format("event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{}}}\n\n", *open_);
  if (!member(message_, "stop_reason")) {
    events += std::format(
        "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"max_tokens\","
        "\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{}}},\"rouse\":{}}}\n\n",
        output_tokens(), to_json(note_of(cut)));
  }
  return events + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

}  // namespace

std::unique_ptr<PartialAnswer> begin_anthropic_answer() { return std::make_unique<AnthropicAnswer>(); }

}  // namespace rouse::api
