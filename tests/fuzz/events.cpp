// What an engine streams: events are the same however they are cut, and whatever they hold, an answer that is put
// together from them is JSON, and can be ended at any moment.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/event_splitter.hpp"
#include "api/json_scan.hpp"
#include "api/partial_answer.hpp"
#include "api/utf8.hpp"

namespace {

using namespace rouse::api;

void must(bool condition) {
  if (!condition) std::abort();
}

struct Split {
  std::vector<std::string> data;
  std::string raw;
  friend bool operator==(const Split&, const Split&) = default;
};

Split split(std::string_view stream, std::size_t at_once) {
  EventSplitter splitter;
  Split found;
  for (std::size_t at = 0; at < stream.size(); at += at_once) {
    splitter.add(stream.substr(at, at_once));
    while (const auto event = splitter.next()) {
      found.raw += event->raw;
      found.data.push_back(event->data);
    }
  }
  must(found.raw + std::string(splitter.rest()) == stream);
  return found;
}

// Each event of the ending is one object, or the mark of the end.
void check_ending(const std::string& ending) {
  const Split events = split(ending, ending.size());
  must(events.raw == ending && !events.data.empty());
  for (const std::string& data : events.data) must(data == "[DONE]" || scan_object(data, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const Split events = split(stream, std::max<std::size_t>(1, size));
  for (const std::size_t at_once : {1u, 2u, 3u, 16u}) must(split(stream, at_once) == events);

  for (const AnswerForm form : {AnswerForm::chat, AnswerForm::completion, AnswerForm::message}) {
    const auto answer = begin_partial_answer(form, Usage::reported);
    const rouse::api::Spent spent;
    for (const std::string& event : events.data) answer->take(event);
    for (const std::string& whole : {answer->whole(nullptr), answer->whole(&spent)})
      must(scan_object(whole, {}).has_value());
    check_ending(answer->ending(spent));
  }
  return 0;
}
