// A request's time with the worker, or the other server, that is to answer it: what is sent there, and how what comes
// back travels on. Whether anything has been worked on yet decides whether another model may be asked.
//
// Lives in the coroutine of the request, like all that it is given. Owner thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "api/edits.hpp"
#include "api/partial_answer.hpp"
#include "api/request_body.hpp"
#include "api/visit.hpp"

namespace rouse::api {

// What a request asks for.
struct Asked {
  ModelId model;
  bool stream = false;
  std::optional<TimePoint> deadline;  // the client's own
  daemon::RequestOptions options;
  Edits edits = {};                     // of the body, before the engine gets it
  std::optional<AnswerForm> form = {};  // set when the engine is to stream and its answer is put together here
  Usage usage = Usage::unasked;
  std::span<const ArrayMember> arrays = {};  // in its body
  bool has_others = false;                   // another model may be asked when this one cannot answer
};

class Conversation : private Visit {
 public:
  // `fault`: set when nothing was answered.
  Conversation(const Parts& parts, Reply& reply, daemon::Lease& lease, const Asked& asked, std::optional<Fault>& fault)
      : Visit(parts, reply, lease, asked.deadline), asked_(asked), fault_(fault) {}

  http::Task<Turn> run(std::string_view body);

 private:
  bool may_ask();
  void note_answer(int status);
  http::Task<Turn> find_out(const Error& error);
  http::Task<Turn> step_aside(int status, std::optional<Duration> retry_after);
  // While the model that was asked for loads. It can answer itself in a moment, so that more is passed on to it.
  bool stands_in_meanwhile() const;
  http::Task<void> answer(const http::ResponseHead& head, std::string_view body);
  http::Task<std::string> refusal_text();
  http::Task<void> append_refusal(const http::ResponseHead& head);
  http::Task<void> reword_refusal(const http::ResponseHead& head);
  http::Task<void> hide_refusal(const http::ResponseHead& head);
  http::Task<void> refuse_redirect();
  http::Task<void> answer_by_deadline();
  http::Task<void> relay();

  const Asked& asked_;
  std::optional<Fault>& fault_;
};

}  // namespace rouse::api
