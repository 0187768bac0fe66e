// Chunks of chat completions and of completions. A chunk's choices say what is added to each choice: strings grow,
// lists grow or are matched by their elements' "index", everything else is as last said.
#include <algorithm>
#include <array>
#include <format>
#include <map>

#include "api/engine_message.hpp"
#include "api/json_value.hpp"
#include "api/partial_forms.hpp"
#include "api/rouse_note.hpp"

namespace rouse::api {
namespace {

// Strings that name something; all others are pieces of text.
bool is_name(std::string_view key) {
  constexpr std::array<std::string_view, 5> kNames{"id", "type", "role", "name", "object"};
  return std::ranges::contains(kNames, key);
}

// The element of that index; the list stays in the order of these, whichever comes first.
Json& with_index(Json::array_t& list, const Json& like) {
  const std::int64_t index = whole_of(like, "index");
  const auto behind = [&](const Json& element) { return whole_of(element, "index") >= index; };
  auto it = std::ranges::find_if(list, behind);
  if (it != list.end() && whole_of(*it, "index") == index) return *it;
  it = list.emplace(it, Json::object_t{});
  (*it)["index"] = index;
  return *it;
}

void add(Json& sum, const Json& more);

void add_list(Json& sum, const Json::array_t& more) {
  if (!sum.is_array()) sum = Json::array_t{};
  Json::array_t& list = sum.get_array();
  for (const Json& element : more) {
    if (member(element, "index"))
      add(with_index(list, element), element);
    else
      list.push_back(element);
  }
}

void add_member(Json& sum, std::string_view key, const Json& more) {
  if (more.is_null()) {
    if (!sum.contains(key)) sum[key] = nullptr;
    return;
  }
  Json& into = sum[key];
  if (more.is_string() && into.is_string() && !is_name(key))
    into.get_string() += more.get_string();
  else if (more.is_object())
    add(into, more);
  else if (more.is_array())
    add_list(into, more.get_array());
  else
    into = more;
}

void add(Json& sum, const Json& more) {
  if (!sum.is_object()) sum = Json::object_t{};
  for (const auto& [key, value] : more.get_object()) add_member(sum, key, value);
}

bool brings_text(const Json& delta) {
  return std::ranges::any_of(delta.get_object(), [](const auto& member) {
    const auto& [key, value] = member;
    return (value.is_string() && key != "role" && !value.get_string().empty()) ||
           (value.is_array() && !value.get_array().empty()) || value.is_object();
  });
}

class OpenAiAnswer final : public PartialAnswer {
 public:
  explicit OpenAiAnswer(Usage usage) : usage_(usage) {}

  void take(std::string_view data) override;
  std::string whole(const Spent* cut) const override;
  std::string ending(const Spent& cut) const override;

 private:
  void take_choice(const Json& piece);
  Json usage_so_far() const;

  Usage usage_;
  Json head_ = Json::object_t{};  // the chunks' members but for the choices
  std::string object_;            // "chat.completion.chunk", "text_completion"
  Json choices_ = Json::array_t{};
  struct Counted {
    std::int64_t prompt = 0;
    std::int64_t completion = 0;
  };
  std::map<std::int64_t, Counted> counted_;  // by the engine, for each choice until now
};

void OpenAiAnswer::take(std::string_view data) {
  const auto chunk = parse_json_object(data);
  if (!chunk) return;
  if (member(*chunk, "error")) {
    error_ = engine_message(data, 500);
    return;
  }
  begun_ = true;
  for (const auto& [key, value] : chunk->get_object()) {
    if (key == "choices" && value.is_array()) {
      for (const Json& piece : value.get_array()) take_choice(piece);
    } else if (!value.is_null()) {
      head_[key] = value;
    }
  }
  const Json* timings = member(*chunk, "timings");
  const Json* choices = member(*chunk, "choices");
  if (!timings || !choices || !choices->is_array()) return;
  const auto count = [&](std::string_view of) {
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // whatever an engine says, sums are numbers
    return std::clamp(whole_of(*timings, of), std::int64_t{0}, kMost);
  };
  for (const Json& piece : choices->get_array()) {
    counted_[whole_of(piece, "index")] = {.prompt = count("cache_n") + count("prompt_n"),
                                          .completion = count("predicted_n")};
  }
}

void OpenAiAnswer::take_choice(const Json& piece) {
  if (!piece.is_object()) return;
  Json& choice = with_index(choices_.get_array(), piece);
  for (const auto& [key, value] : piece.get_object()) {
    if (key == "delta") {
      if (!value.is_object()) continue;
      if (brings_text(value)) ++tokens_;
      add(choice["message"], value);
    } else if (key == "finish_reason") {
      if (!value.is_null() || !choice.contains(key)) choice[key] = value;
    } else {
      if (key == "text" && value.is_string() && !value.get_string().empty()) ++tokens_;
      add_member(choice, key, value);
    }
  }
}

// What the engine counted last, else what was seen to come.
Json OpenAiAnswer::usage_so_far() const {
  if (const Json* said = member(head_, "usage")) return *said;
  Json usage = Json::object_t{};
  if (counted_.empty()) {
    usage["completion_tokens"] = static_cast<std::int64_t>(tokens_);
    return usage;
  }
  // The choices of a chat answer one prompt; those of a completion may answer one each.
  const bool one_prompt = text_of(head_, "object") == "chat.completion.chunk";
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  for (const auto& [index, counted] : counted_) {
    prompt = one_prompt ? std::max(prompt, counted.prompt) : prompt + counted.prompt;
    completion += counted.completion;
  }
  usage["completion_tokens"] = completion;
  usage["prompt_tokens"] = prompt;
  usage["total_tokens"] = prompt + completion;
  return usage;
}

std::string OpenAiAnswer::whole(const Spent* cut) const {
  Json all = head_;
  const std::string object(text_of(head_, "object"));
  if (object.ends_with(".chunk")) all["object"] = object.substr(0, object.size() - 6);
  all["choices"] = choices_;
  for (Json& choice : all["choices"].get_array()) {
    if (cut && !member(choice, "finish_reason")) choice["finish_reason"] = "length";
    Json* message = member(choice, "message");
    Json* calls = message ? member(*message, "tool_calls") : nullptr;
    if (!calls || !calls->is_array()) continue;
    for (Json& call : calls->get_array()) {
      if (call.is_object()) call.get_object().erase("index");
    }
  }
  if (cut) {
    all["usage"] = usage_so_far();
    all["rouse"] = note_of(*cut);
  }
  return to_json(all);
}

std::string OpenAiAnswer::ending(const Spent& cut) const {
  Json chunk = Json::object_t{};
  for (const std::string_view key : {"id", "object", "created", "model", "system_fingerprint"}) {
    if (const Json* said = member(head_, key)) chunk[key] = *said;
  }
  Json usage = chunk;
  chunk["choices"] = Json::array_t{};
  for (const Json& choice : choices_.get_array()) {
    if (member(choice, "finish_reason")) continue;
    Json last = Json::object_t{};
    last["index"] = whole_of(choice, "index");
    if (choice.contains("text"))
      last["text"] = "";
    else
      last["delta"] = Json::object_t{};
    last["finish_reason"] = "length";
    chunk["choices"].get_array().push_back(std::move(last));
  }
  chunk["rouse"] = note_of(cut);
  std::string events = std::format("data: {}\n\n", to_json(chunk));
  if (usage_ == Usage::reported) {
    usage["choices"] = Json::array_t{};
    usage["usage"] = usage_so_far();
    events += std::format("data: {}\n\n", to_json(usage));
  }
  return events + "data: [DONE]\n\n";
}

}  // namespace

std::unique_ptr<PartialAnswer> begin_openai_answer(Usage usage) { return std::make_unique<OpenAiAnswer>(usage); }

}  // namespace rouse::api
