#include "api/deadline.hpp"

#include <format>
#include <utility>

namespace rouse::api {
namespace {

constexpr std::size_t kMostUnfinished = std::size_t{64} << 20;  // of an event, or of an answer that is put together
constexpr std::size_t kMostHeldBack = std::size_t{64} << 10;    // events that come before the first token

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace

std::string to_string(const Spent& spent) {
  return std::format("queue {:.1f} ms, load {:.1f} ms, prompt {:.1f} ms, generation {:.1f} ms",
                     milliseconds(spent.queue), milliseconds(spent.load), milliseconds(spent.prompt),
                     milliseconds(spent.generation));
}

AnswerByDeadline::AnswerByDeadline(const Clock& clock, Reply& reply, http::Call& call, PartialAnswer& answer,
                                   DeliveredAs delivery, TimePoint asked)
    : clock_(clock), reply_(reply), call_(call), answer_(answer), delivery_(delivery), asked_(asked) {}

http::Task<Ending> AnswerByDeadline::run() {
  std::size_t received = 0;
  while (true) {
    const auto piece = co_await call_.read();
    if (!piece) co_return co_await break_off(piece.error());
    if (piece->empty()) co_return co_await come_to_end();
    received = delivery_ == DeliveredAs::whole ? received + piece->size() : events_.rest().size();
    if (received > kMostUnfinished)
      co_return Ending{Ending::How::broken, {Code::upstream_failed, "the engine's answer is too large", {}}};
    take(*piece);
    if (delivery_ == DeliveredAs::whole) continue;
    const bool hold_back = !reply_.exchange().begun() && answer_.tokens() == 0 && unsent_.size() < kMostHeldBack;
    if (hold_back || unsent_.empty()) continue;
    if (co_await pass_on() == http::Delivery::client_gone) co_return Ending{Ending::How::client_gone};
  }
}

void AnswerByDeadline::take(std::string_view bytes) {
  events_.add(bytes);
  while (const auto event = events_.next()) {
    answer_.take(event->data);
    if (delivery_ == DeliveredAs::stream) unsent_ += event->raw;
  }
  if (first_token_ != kNever || answer_.tokens() == 0) return;
  first_token_ = clock_.now();
  reply_.timing.first_token = first_token_ - asked_;
}

http::Task<http::Delivery> AnswerByDeadline::pass_on() {
  if (!reply_.exchange().begun()) reply_.begin_events();
  const std::string bytes = std::exchange(unsent_, {});
  co_return co_await reply_.exchange().write(bytes);
}

http::Task<Ending> AnswerByDeadline::come_to_end() {
  if (delivery_ == DeliveredAs::stream) {
    unsent_ += events_.rest();
    if (co_await pass_on() == http::Delivery::client_gone) co_return Ending{Ending::How::client_gone};
    co_await reply_.exchange().end();
    co_return Ending{};
  }
  if (answer_.error()) co_return Ending{Ending::How::refused, {Code::upstream_failed, *answer_.error(), {}}};
  if (!answer_.has_begun())
    co_return Ending{Ending::How::refused, {Code::upstream_failed, "the engine's answer was empty; try again", {}}};
  co_await reply_.json(200, answer_.whole(nullptr));
  co_return Ending{};
}

http::Task<Ending> AnswerByDeadline::break_off(Error error) {
  if (error.code != Code::deadline || answer_.tokens() == 0) co_return Ending{Ending::How::broken, std::move(error)};
  const Spent time = spent();
  if (delivery_ == DeliveredAs::whole) {
    co_await reply_.json(200, answer_.whole(&time));
    co_return Ending{Ending::How::cut_short, {}, time};
  }
  unsent_ += answer_.ending(time);
  if (co_await pass_on() == http::Delivery::client_gone) co_return Ending{Ending::How::client_gone};
  co_await reply_.exchange().end();
  co_return Ending{Ending::How::cut_short, {}, time};
}

Spent AnswerByDeadline::spent() const {
  return {.queue = reply_.timing.queue,
          .load = reply_.timing.load.value_or(Duration{}),
          .prompt = first_token_ - asked_,
          .generation = clock_.now() - first_token_};
}

}  // namespace rouse::api
