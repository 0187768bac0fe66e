// An answer that an engine streams, put together as it comes: at the end it can be said as if it had never been
// streamed, and at any moment before, when a deadline passes, with what there is.
//
// Lives in the coroutine of the request. Pure: bytes in, text out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/request_body.hpp"
#include "base/clock.hpp"

namespace rouse::api {

enum class AnswerForm : std::uint8_t { chat, completion, message, response };

// Where the time went that a deadline has ended.
struct Spent {
  Duration queue{};
  Duration load{};
  Duration prompt{};      // from asking the engine to its first token
  Duration generation{};  // from there to the deadline
};

class PartialAnswer {
 public:
  virtual ~PartialAnswer() = default;

  // The data of the stream's next event. What it does not know is passed over.
  virtual void take(std::string_view data) = 0;

  std::uint64_t tokens() const { return tokens_; }  // events that brought some of the answer
  bool has_begun() const { return begun_; }         // anything came that belongs to an answer
  // An engine that broke off says why in an event.
  const std::optional<std::string>& error() const { return error_; }

  // All of it, as the one object that a client gets who asked for no stream. With `cut`, the end is missing.
  virtual std::string whole(const Spent* cut) const = 0;
  // The events that end the stream here.
  virtual std::string ending(const Spent& cut) const = 0;

 protected:
  std::uint64_t tokens_ = 0;
  bool begun_ = false;
  std::optional<std::string> error_;
};

enum class Usage : std::uint8_t { unasked, reported };  // does the client hear how many tokens there were?

std::unique_ptr<PartialAnswer> begin_partial_answer(AnswerForm form, Usage usage);

// Changes a JSON body so that the engine streams what can be put together. `counts` is the name of a member that
// makes the engine count tokens in each event; empty: it has none.
Usage ask_for_stream(AnswerForm form, std::string_view body, std::string_view counts, RequestBody& request);

}  // namespace rouse::api
