// Answers with what an engine streams, and when the client's deadline passes in mid-answer, ends it there: whole and
// well formed, with the finish reason "length" and a `rouse` object that says why. Before the first token there is
// nothing to end: that is the caller's 504.
//
// Nothing is sent until a token is there, and whole events alone, so that an end can follow at any moment.
#pragma once

#include <cstdint>
#include <string>

#include "api/event_splitter.hpp"
#include "api/partial_answer.hpp"
#include "api/reply.hpp"
#include "base/clock.hpp"
#include "http/call.hpp"
#include "http/task.hpp"

namespace rouse::api {

enum class DeliveredAs : std::uint8_t { stream, whole };

struct Ending {
  enum class How : std::uint8_t {
    whole,        // the engine came to its end
    cut_short,    // the deadline passed, and the client has what there was
    client_gone,  // nobody is left to answer
    refused,      // nothing was sent; `error` is for the client
    broken,       // the call broke off, for `error`; nothing was sent, or a stream is open
  };
  How how = How::whole;
  Error error = {};
  Spent spent = {};
};

// "queue 0.0 ms, load 812.4 ms, prompt 31.0 ms, generation 1250.9 ms"
std::string to_string(const Spent& spent);

// Lives in the coroutine of the request, like all that it is given; `call` has a head that announces a stream of
// events, and the deadline. Owner thread.
class AnswerByDeadline {
 public:
  AnswerByDeadline(const Clock& clock, Reply& reply, http::Call& call, PartialAnswer& answer, DeliveredAs delivery,
                   TimePoint asked);

  http::Task<Ending> run();

 private:
  void take(std::string_view bytes);
  http::Task<http::Delivery> pass_on();
  http::Task<Ending> come_to_end();
  http::Task<Ending> break_off(Error error);
  Spent spent() const;

  const Clock& clock_;
  Reply& reply_;
  http::Call& call_;
  PartialAnswer& answer_;
  DeliveredAs delivery_;
  TimePoint asked_;  // when the engine was
  TimePoint first_token_ = kNever;
  EventSplitter events_;
  std::string unsent_;  // whole events, for a client that streams
};

}  // namespace rouse::api
