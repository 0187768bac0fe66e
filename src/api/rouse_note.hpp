// The `rouse` object of an answer that its deadline has ended. Include it in .cpp files alone.
#pragma once

#include <chrono>

#include "api/json_value.hpp"
#include "api/partial_answer.hpp"

namespace rouse::api {

inline Json note_of(const Spent& cut) {
  const auto ms = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  Json note = Json::object_t{};
  note["deadline_passed"] = true;
  note["queue_ms"] = ms(cut.queue);
  note["load_ms"] = ms(cut.load);
  note["prompt_ms"] = ms(cut.prompt);
  note["generation_ms"] = ms(cut.generation);
  return note;
}

}  // namespace rouse::api
