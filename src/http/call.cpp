#include "http/call.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <format>
#include <optional>
#include <utility>

#include "http/connect.hpp"
#include "http/wire.hpp"

namespace rouse::http {

namespace asio = boost::asio;

namespace {

// A model answers twice at the cost of its time. What an application does by a request may be another matter, but for
// the methods that say so: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
bool may_be_done_twice(const Outgoing& request) {
  constexpr std::array<std::string_view, 6> kIdempotent{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  return request.passing == Passing::inference || std::ranges::contains(kIdempotent, request.method);
}

Error cancelled() { return {Code::unavailable, "the request was cancelled", ""}; }

}  // namespace

Call::Wire::~Wire() {
  if (link_ && whole_ && reusable_ && ended_ == Ended::no) core_->put(address_, std::move(link_));
}

void Call::Wire::end(Ended how) {
  if (ended_ == Ended::no) ended_ = how;
  if (link_) link_->stream->close();
}

void Call::Wire::stop() { end(Ended::stopped); }
void Call::Wire::on_deadline() { end(Ended::deadline); }

void Call::Wire::broke(Error why) {
  broken_ = true;
  error_ = std::move(why);
}

void Call::Wire::broke(std::string_view why) {
  broke({Code::upstream_failed, "the engine broke off", std::format("{}: {}", to_string(address_), why)});
}

Error Call::Wire::error() const {
  switch (ended_) {
    case Ended::stopped: return cancelled();
    case Ended::deadline: return {Code::deadline, "the deadline passed", ""};
    case Ended::no: break;
  }
  return error_;
}

// A fresh connection; false says that error_ is set.
Task<bool> Call::Wire::make_link(Duration connect_time) {
  core_->make_room();
  const std::uint64_t era = core_->era(address_);
  const TimePoint until = std::min<TimePoint>(deadline_, std::chrono::steady_clock::now() + connect_time);
  auto connected = co_await connect(core_->io, core_->deadlines, core_->trust, address_, until, &nobody_listens_);
  if (!connected) {
    broke(std::move(connected.error()));
    co_return false;
  }
  link_ = std::make_unique<Link>(*core_, std::move(*connected), era);
  link_->in.reserve(kSmallBuffer);
  co_return true;
}

// Writes the request as fast as the upstream takes it. One that answers early need not take all of it.
Task<Call::Wire::Sent> Call::Wire::push(std::span<iovec> pieces) {
  Stream& to = stream();
  while (true) {
    switch (to.try_write(pieces)) {
      case Written::all: co_return Sent::all;
      case Written::broken: co_return Sent::broken;
      case Written::some: break;
    }
    if (!to.armed()) to.arm(link_->in.space());
    const bool more = co_await to.writable();
    if (!to.armed()) co_return Sent::early_answer;
    if (!more) co_return Sent::broken;
  }
}

Task<bool> Call::Wire::write(std::string_view bytes) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  std::span<iovec> left(&piece, 1);
  while (true) {
    switch (stream().try_write(left)) {
      case Written::all: co_return true;
      case Written::broken: co_return false;
      case Written::some: break;
    }
    if (!co_await stream().writable()) co_return false;
  }
}

bool Call::Wire::parse_head(const Outgoing& request) {
  Buffer& in = link_->in;
  while (const std::size_t end = find_head_end(in.view(), seen_)) {
    seen_ = 0;
    link_->head_bytes.assign(in.view().substr(0, end));
    in.consume(end);
    if (const auto refusal = parse_response_head(link_->head_bytes, link_->head)) {
      broke(refusal->reason);
      return true;
    }
    const bool switches = link_->head.status == kSwitchingProtocols;
    if (switches && request.upgrade.empty()) {
      broke("it switched protocols unasked");
      return true;
    }
    if (link_->head.status < 200 && !switches) continue;  // interim answers stay between the two of us
    begin_body(request);
    return true;
  }
  seen_ = in.size();
  if (seen_ >= core_->limits.head_bytes) {
    broke("the head of its answer is too large");
    return true;
  }
  return false;
}

void Call::Wire::begin_body(const Outgoing& request) {
  const ResponseHead& head = link_->head;
  has_head_ = true;
  head_arrived_ = std::chrono::steady_clock::now();
  if (head.status == kSwitchingProtocols) {
    framing_ = Framing::until_close;
  } else if (request.method == "HEAD" || head.status == 204 || head.status == 304) {
    framing_ = Framing::none;
    whole_ = true;
  } else if (head.chunked) {
    framing_ = Framing::chunked;
  } else if (head.content_length) {
    framing_ = Framing::length;
    left_ = *head.content_length;
    whole_ = left_ == 0;
  } else {
    framing_ = Framing::until_close;
  }
  if (head.close || framing_ == Framing::until_close) reusable_ = false;
  if (whole_ && !link_->in.empty()) reusable_ = false;
  // It may have refused the request, or sent it elsewhere, without reading it, and would take the rest for the next
  // one.
  if (head.status >= 300 && !request.body.empty() && request.owner == nullptr) reusable_ = false;
}

Task<Result<const ResponseHead*>> Call::Wire::send(Outgoing request) {
  const bool may_repeat = may_be_done_twice(request);
  for (bool fresh = false;; fresh = true) {
    if (ended_ != Ended::no) co_return std::unexpected(error());
    // On a kept connection a request may cross with the end of that. What may not be done twice takes that risk only
    // where its client has taken it; otherwise it has one of its own, for which the kept one makes room, since a server
    // may serve one connection at a time.
    if (!fresh) link_ = core_->take(address_, request.owner);
    if (link_ && !may_repeat && (request.owner == nullptr || !link_->stream->look())) link_.reset();
    if (!link_ && !co_await make_link(request.connect_time.value_or(core_->limits.connect_time))) {
      if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
        co_return std::unexpected(cancelled());
      }
      co_return std::unexpected(error());
    }
    if (ended_ != Ended::no) co_return std::unexpected(error());
    const bool reused = !link_->head_bytes.empty();
    link_->kept = reused;
    link_->owner = request.owner;
    std::optional<PoolCore::Queued> queued(std::in_place, *core_, address_, *link_);

    std::string& out = link_->out;
    out.clear();
    if (!compose_head(out, request, address_)) {
      link_.reset();
      co_return fail(Code::internal, "the request to the engine cannot be written as HTTP");
    }
    iovec pieces[2] = {{out.data(), out.size()}, {const_cast<char*>(request.body.data()), request.body.size()}};
    std::span<iovec> left(pieces, request.body.empty() ? 1 : 2);
    Stream& to = stream();
    Sent sent = Sent::all;
    switch (to.try_write(left)) {
      case Written::all: break;
      case Written::some: sent = co_await push(left); break;
      case Written::broken: sent = Sent::broken; break;
    }
    reusable_ = sent == Sent::all;

    // Also after a failed write: what refuses a body may have said why.
    bool nothing_came = link_->in.empty();
    while (true) {
      if (!to.armed() && sent != Sent::early_answer) {
        Buffer& in = link_->in;
        in.compact();
        if (in.space().empty()) in.reserve(in.capacity() * 2);
        if (!to.is_open()) break;
        to.arm(in.space());
      }
      if (to.armed()) co_await to.read_done();
      sent = sent == Sent::early_answer ? Sent::all : sent;
      const std::size_t received = to.take_received();
      if (received == 0) break;
      nothing_came = false;
      link_->in.produce(received);
      if (!parse_head(request)) {
        expect_more();
        continue;
      }
      was_seen_ = true;
      if (broken_) co_return std::unexpected(error());
      co_return &link_->head;
    }

    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
      co_return std::unexpected(cancelled());
    }
    // A program may act on the first bytes of what it was sent: only where that does no harm, the rest counts.
    if (!may_repeat || !nothing_came || ended_ != Ended::no || (sent == Sent::all && to.clean_end())) was_seen_ = true;
    broke("it closed the connection without an answer");
    met_the_end_ = reused && nothing_came && ended_ == Ended::no;
    if (!may_repeat || !met_the_end_) co_return std::unexpected(error());
    met_the_end_ = false;
    broken_ = false;
    queued.reset();
    link_.reset();
  }
}

Call::Wire::Progress Call::Wire::advance(std::string_view& piece) {
  if (whole_) return Progress::whole;
  if (broken_) return Progress::broken;
  Buffer& in = link_->in;
  if (in.empty()) return Progress::starved;
  const std::span<char> bytes = in.bytes();
  switch (framing_) {
    case Framing::none: return Progress::whole;
    case Framing::until_close:
      piece = in.view();
      in.consume_in_place(bytes.size());
      return Progress::bytes;
    case Framing::length: {
      const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      piece = in.view().substr(0, here);
      in.consume_in_place(here);
      left_ -= here;
      whole_ = left_ == 0;
      break;
    }
    case Framing::chunked: {
      const auto step = decoder_.decode(bytes);
      piece = std::string_view(bytes.data(), step.decoded);
      in.consume_in_place(step.consumed);
      whole_ = decoder_.done();
      if (decoder_.failed()) broke("its chunks make no sense");
      break;
    }
  }
  if (whole_ && !in.empty()) reusable_ = false;  // nobody asked for more
  if (!piece.empty()) return Progress::bytes;
  return whole_ ? Progress::whole : broken_ ? Progress::broken : Progress::starved;
}

// An answer has begun, and goes on.
void Call::Wire::expect_more() {
  if (quick_acks_ == 0 || address_.is_unix()) return;
  --quick_acks_;
  stream().acknowledge();
}

void Call::Wire::arm() {
  if (stream().armed()) return;
  expect_more();
  Buffer& in = link_->in;
  in.clear();
  if (link_->filled && in.capacity() < kLargeBuffer) in.reserve(kLargeBuffer);
  if (stream().is_open()) {
    stream().arm(in.space());
  } else {
    broke("the connection is closed");
  }
}

void Call::Wire::absorb() {
  const std::size_t received = stream().take_received();
  if (received > 0) {
    link_->filled = received == link_->in.space().size();
    link_->in.produce(received);
  } else if (framing_ == Framing::until_close && stream().clean_end() && ended_ == Ended::no) {
    whole_ = true;
  } else {
    broke("it closed the connection in the middle of its answer");
  }
}

Call::Call(UpstreamPool& pool, Address upstream, TimePoint deadline)
    : wire_(std::make_unique<Wire>(pool.core_, std::move(upstream), deadline)) {}
Call::~Call() = default;

Task<Result<const ResponseHead*>> Call::send(Outgoing request) { return wire_->send(request); }

Task<Result<std::string_view>> Call::read() {
  while (true) {
    std::string_view piece;
    switch (wire_->advance(piece)) {
      case Wire::Progress::bytes: co_return piece;
      case Wire::Progress::whole: co_return std::string_view();
      case Wire::Progress::broken:
        if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
          co_return std::unexpected(cancelled());
        }
        co_return std::unexpected(wire_->error());
      case Wire::Progress::starved: break;
    }
    wire_->arm();
    if (!wire_->stream().armed()) continue;
    co_await wire_->stream().read_done();
    wire_->absorb();
  }
}

Task<Result<std::string>> Call::read_all(std::size_t limit) {
  std::string all;
  while (true) {
    const auto piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return all;
    if (piece->size() > limit - all.size()) co_return fail(Code::too_large, "the engine's answer is too large");
    all.append(*piece);
  }
}

void Call::stop() { wire_->stop(); }
void Call::set_deadline(TimePoint deadline) { wire_->set_deadline(deadline); }
bool Call::unseen() const { return wire_->unseen(); }
bool Call::met_the_end() const { return wire_->met_the_end(); }
bool Call::nobody_listens() const { return wire_->nobody_listens(); }
const ResponseHead& Call::head() const { return wire_->head(); }
TimePoint Call::head_arrived() const { return wire_->head_arrived(); }
bool Call::whole() const { return wire_->whole(); }

Task<Result<Answer>> request(UpstreamPool& pool, Address upstream, Outgoing outgoing, TimePoint deadline,
                             std::size_t limit) {
  Call call(pool, std::move(upstream), deadline);
  const auto head = co_await call.send(outgoing);
  if (!head) co_return std::unexpected(head.error());
  Answer answer;
  answer.status = (*head)->status;
  auto body = co_await call.read_all(limit);
  if (!body) co_return std::unexpected(std::move(body.error()));
  answer.body = std::move(*body);
  co_return answer;
}

}  // namespace rouse::http
