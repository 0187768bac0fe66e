// The answer to one request, with what belongs to every answer: X-Request-Id, Server-Timing, the dialect's errors.
//
// Lives in the coroutine that handles the request. Owner thread.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/caller.hpp"
#include "api/dialect.hpp"
#include "api/fault.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "http/exchange.hpp"
#include "http/task.hpp"

namespace rouse::api {

// Where the time went, as far as it is known when the answer's head leaves: Server-Timing. A request that is refused
// before it could wait (a bad key, a bad body, an unknown model) has waited for nothing, and says so: queue;dur=0.000.
struct Timing {
  Duration queue{};               // from its whole body to a worker, or to its refusal, less the load
  std::optional<Duration> load;   // of the model it asked for, while it waited; nothing if it has not come to that
  std::optional<Duration> first;  // from asking the engine to its first byte
  std::optional<Duration> first_token;  // to its first token, where the answer is read along: for the log alone

  // It has waited `whole` until now, and its model was loading for `loading` of that.
  void wait(Duration whole, Duration loading) {
    load = loading;
    queue = std::max(Duration{}, whole - loading);
  }
};

// Header lines of every answer, each ended by CRLF.
// `more`: further ones.
std::string answer_lines(const Dialect& dialect, std::string_view id, const Timing& timing, std::string_view more = {});

// The client's own id if it is fit to be logged and sent back; a new one otherwise.
std::string request_id(const http::RequestHead& head, std::uint64_t seed);

class Reply {
 public:
  Reply(http::Exchange& exchange, const Dialect& dialect, std::string id);
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  http::Exchange& exchange() { return exchange_; }
  const http::Exchange& exchange() const { return exchange_; }
  const http::RequestHead& request() const { return exchange_.request(); }
  const std::string& id() const { return id_; }
  void use(const Dialect& dialect) { dialect_ = &dialect; }

  Timing timing;
  Caller caller = {};            // may do least until their key was looked at
  std::optional<ModelId> model;  // which one it is about, for the access log
  // Whose answer it is, once that has begun: X-Rouse-Model. Shared with the worker, which may end before the answer.
  std::shared_ptr<const daemon::Entry> served_by = {};

  std::string_view client_name() const { return caller.key.empty() ? exchange_.peer() : std::string_view(caller.key); }
  // To whoever looks at what runs.
  void introduce(daemon::RequestOptions& options) const {
    options.id = id_;
    options.client_name = client_name();
    options.exchange = &exchange_;
  }

  // answer_lines() as of now; valid until the next call.
  std::string_view lines();

  // --- whole answers
  http::Task<void> send(int status, std::string_view content_type, std::string body, std::string_view more_lines = {});
  http::Task<void> json(int status, std::string body);
  http::Task<void> text(int status, std::string body);
  // Before anything was sent: an answer of its own. Inside a stream that has begun: the dialect's event, and the end of
  // the stream. Where there is no place for one (a body of declared length, half an answer), the connection will be
  // cut.
  http::Task<void> error(Fault fault);
  // What an engine refused, when the dialect has words of its own for it.
  bool words_engine_errors() const { return dialect_->engine_error != nullptr; }
  http::Task<void> engine_error(int status, std::string_view message, std::string_view retry_after);
  http::Task<void> method_not_allowed(std::string allow);

  // --- a stream of events
  void begin_events();  // 200 and its head, to be sent with the first event
  bool in_events() const { return in_events_; }
  // The engine streamed its answer, whether or not its client asked for that.
  bool came_in_pieces() const { return in_events_ || timing.first_token; }
  void assume_events() { in_events_ = true; }  // relayed ones: an error may follow them

 private:
  http::Exchange& exchange_;
  const Dialect* dialect_;
  std::string id_;
  std::string lines_;
  bool in_events_ = false;
};

}  // namespace rouse::api
