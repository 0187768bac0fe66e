// The events of a streamed response: response.created; for each item of its output output_item.added, deltas of its
// parts and output_item.done; and response.completed, which holds all of it once more.
#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "api/engine_message.hpp"
#include "api/json_value.hpp"
#include "api/partial_forms.hpp"
#include "api/rouse_note.hpp"

namespace rouse::api {
namespace {

class ResponsesAnswer final : public PartialAnswer {
 public:
  void take(std::string_view data) override;
  std::string whole(const Spent* cut) const override;
  std::string ending(const Spent& cut) const override;

 private:
  struct Item {
    Json json;
    Json index;  // output_index, as far as the engine tells it
    bool done = false;
  };

  void take_response(const Json& event);
  void take_piece(std::string_view type, const Json& event);
  Item* item_of(const Json& event);
  Json cut_response(const Spent& cut) const;

  Json response_ = Json::object_t{};
  std::vector<Item> items_;
  std::optional<std::int64_t> sequence_;  // of the last event, where events are numbered
};

bool is_delta(std::string_view type) { return type.starts_with("response.") && type.ends_with(".delta"); }

// A part of an item that grows: the last one of a list, of which there is one for each kind of item.
Json* growing_part(Json& item, std::string_view list) {
  Json* parts = member(item, list);
  if (!parts || !parts->is_array() || parts->get_array().empty()) return nullptr;
  Json& last = parts->get_array().back();
  return last.is_object() ? &last : nullptr;
}

void append(Json& object, std::string_view key, std::string_view text) {
  Json& into = object[key];
  if (!into.is_string()) into = std::string();
  into.get_string() += text;
}

void push(Json& item, std::string_view list, const Json& part) {
  Json& parts = item[list];
  if (!parts.is_array()) parts = Json::array_t{};
  parts.get_array().push_back(part);
}

// Half of what a tool is to be called with is of no use; half a text is.
bool is_of_use(const Json& item) { return text_of(item, "type") == "message" || text_of(item, "type") == "reasoning"; }

void ResponsesAnswer::take(std::string_view data) {
  const auto event = parse_json_object(data);
  if (!event) return;
  const std::string_view type = text_of(*event, "type");
  if (member(*event, "sequence_number")) sequence_ = whole_of(*event, "sequence_number");
  if (type == "error" || (type.empty() && member(*event, "error"))) {
    error_ = engine_message(data, 500);
  } else if (member(*event, "response")) {
    take_response(*event);
  } else if (type == "response.output_item.added") {
    if (const Json* item = member(*event, "item"); item && item->is_object()) {
      const Json* index = member(*event, "output_index");
      items_.push_back({.json = *item, .index = index ? *index : Json{}});
    }
  } else if (Item* item = item_of(*event)) {
    if (type == "response.output_item.done") {
      item->done = true;
      if (const Json* whole = member(*event, "item"); whole && whole->is_object()) item->json = *whole;
    } else {
      take_piece(type, *event);
    }
  }
}

void ResponsesAnswer::take_response(const Json& event) {
  begun_ = true;
  const Json& response = *member(event, "response");
  if (!response.is_object()) return;
  for (const auto& [key, value] : response.get_object()) response_[key] = value;
  if (text_of(event, "type") != "response.failed") return;
  const Json* error = member(response, "error");
  error_ = std::string(error ? text_of(*error, "message") : "");
  if (error_->empty()) error_ = "the engine's answer failed";
}

void ResponsesAnswer::take_piece(std::string_view type, const Json& event) {
  Json& item = item_of(event)->json;
  const Json* part = member(event, "part");
  if (type == "response.content_part.added" && part) return push(item, "content", *part);
  if (type == "response.reasoning_summary_part.added" && part) return push(item, "summary", *part);
  if (!is_delta(type)) return;
  ++tokens_;
  const std::string_view delta = text_of(event, "delta");
  if (type == "response.function_call_arguments.delta") return append(item, "arguments", delta);
  Json* grows = growing_part(item, type.contains("summary") ? "summary" : "content");
  if (grows) append(*grows, type == "response.refusal.delta" ? "refusal" : "text", delta);
}

// By its id, or else the last one.
ResponsesAnswer::Item* ResponsesAnswer::item_of(const Json& event) {
  const Json* item = member(event, "item");
  const std::string_view id = item ? text_of(*item, "id") : text_of(event, "item_id");
  const auto at = std::ranges::find_if(items_, [&](const Item& known) { return text_of(known.json, "id") == id; });
  if (at != items_.end()) return &*at;
  return items_.empty() ? nullptr : &items_.back();
}

Json ResponsesAnswer::cut_response(const Spent& cut) const {
  Json all = response_;
  Json output = Json::array_t{};
  for (const Item& item : items_) {
    if (!item.done && !is_of_use(item.json)) continue;
    Json& added = output.get_array().emplace_back(item.json);
    if (!item.done) added["status"] = "incomplete";
  }
  Json details = Json::object_t{};
  details["reason"] = "max_output_tokens";  // the reason that clients know for an answer that was cut short
  all["status"] = "incomplete";
  all["incomplete_details"] = std::move(details);
  all["output"] = std::move(output);
  all["rouse"] = note_of(cut);
  return all;
}

std::string ResponsesAnswer::whole(const Spent* cut) const { return to_json(cut ? cut_response(*cut) : response_); }

std::string ResponsesAnswer::ending(const Spent& cut) const {
  std::string events;
  std::optional<std::int64_t> sequence = sequence_;
  const auto add = [&](std::string_view type, Json event) {
    event["type"] = std::string(type);
    if (sequence) event["sequence_number"] = ++*sequence;
    events += std::format("event: {}\ndata: {}\n\n", type, to_json(event));
  };
  for (const Item& item : items_) {
    if (item.done || !is_of_use(item.json)) continue;
    Json event = Json::object_t{};
    if (!item.index.is_null()) event["output_index"] = item.index;
    event["item"] = item.json;
    event["item"]["status"] = "incomplete";
    add("response.output_item.done", std::move(event));
  }
  Json last = Json::object_t{};
  last["response"] = cut_response(cut);
  add("response.incomplete", std::move(last));
  return events;
}

}  // namespace

std::unique_ptr<PartialAnswer> begin_responses_answer() { return std::make_unique<ResponsesAnswer>(); }

}  // namespace rouse::api
