#include "api/events.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <format>
#include <utility>

#include "api/event_shapes.hpp"
#include "api/route.hpp"

namespace rouse::api {
namespace {

constexpr std::size_t kBatch = std::size_t{64} << 10;            // of one write
constexpr Duration kLookAgain = std::chrono::milliseconds(500);  // whether the daemon shuts down
constexpr Duration kKeepAlive = std::chrono::seconds(15);        // a comment, for whatever stands between us
constexpr std::array<std::string_view, 7> kKindNames{"model",    "request", "device",     "config",
                                                     "progress", "receipt", "reservation"};

constexpr Events::Kinds bit(Events::Kind kind) { return static_cast<Events::Kinds>(1U << static_cast<unsigned>(kind)); }

Result<Events::Kinds> read_kinds(std::string_view query) {
  const auto only = query_value(query, "only");
  if (!only) return Events::kEverything;
  Events::Kinds kinds = 0;
  std::string_view rest = *only;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto known = std::ranges::find(kKindNames, name);
    if (known == kKindNames.end())
      return fail(Code::malformed,
                  "\"only\" lists some of model, progress, request, device, receipt, reservation and config, with "
                  "commas between");
    kinds |= bit(static_cast<Events::Kind>(known - kKindNames.begin()));
  }
  return kinds;
}

std::optional<std::uint64_t> last_event_id(const http::RequestHead& head) {
  const auto text = head.field("Last-Event-ID");
  std::uint64_t id = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), id).ptr != text->data() + text->size())
    return std::nullopt;
  return id;
}

}  // namespace

// The first id is the time of the start in microseconds: higher than every id of the run before.
Events::Events(daemon::Daemon& daemon)
    : daemon_(daemon),
      first_(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(daemon.clock().wall().time_since_epoch()).count())),
      next_(first_),
      devices_(daemon.devices_as_sampled()) {
  daemon.observe(*this);
}

std::uint64_t Events::take_id() {
  for (Timer* reader : std::exchange(waiting_, {})) reader->cancel();
  return next_++;
}

void Events::add(Kind kind, std::string json) {
  State& state = states_.push(take_id());
  state.kind = kind;
  state.json = std::move(json);
}

void Events::on_transition(const core::Announce& transition) {
  const std::string_view name = daemon_.name_of(transition.model);
  if (name.empty()) return;
  const std::string error =
      transition.to == core::Stage::failed ? daemon_.model(transition.model).error : std::string();
  add(Kind::model, event_json_of(transition, name, error, daemon_.clock().wall()));
  look_at_devices();
}

void Events::on_receipt(ModelId model, WorkerId worker, const daemon::Receipt& receipt) {
  const std::string_view name = daemon_.name_of(model);
  if (!name.empty()) add(Kind::receipt, receipt_event_json(receipt, name, worker, daemon_.clock().wall()));
}

void Events::on_request(const daemon::RequestNews& news) {
  Request& request = requests_.push(take_id());
  request.at = daemon_.clock().wall();
  request.news = news;
  request.id = news.id;
  request.client = news.client;
  request.news.id = request.news.client = {};
}

void Events::look_at_devices() {
  const std::vector<daemon::DeviceStatus> now = daemon_.devices_as_sampled();
  devices_.resize(now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!differs(devices_[i], now[i])) continue;
    devices_[i] = now[i];
    add(Kind::device, event_json_of(now[i], daemon_.clock().wall()));
  }
}

void Events::on_reservation(const daemon::ReservationStatus& reservation, daemon::ReservationStep step) {
  add(Kind::reservation, event_json_of(reservation, step, daemon_.clock().wall()));
}

void Events::on_config() { add(Kind::config, config_event_json(daemon_.models(), daemon_.clock().wall())); }

void Events::on_circuit(ModelId model) {
  add(Kind::model, circuit_event_json(daemon_.model(model), daemon_.clock().wall()));
}

void Events::on_progress(ModelId model) {
  add(Kind::progress, progress_event_json(daemon_.model(model), daemon_.clock().wall()));
}

std::string Events::json_of(const Request& request) const {
  daemon::RequestNews news = request.news;
  news.id = request.id;
  news.client = request.client;
  const std::string_view asked = news.in_place_of ? daemon_.name_of(news.in_place_of->model) : std::string_view();
  return event_json_of(news, daemon_.name_of(news.model), asked, request.at);
}

std::string Events::snapshot(const Reader& reader) const {
  return event_frame(reader.last, "snapshot",
                     snapshot_event_json(daemon_.models(), daemon_.devices_as_sampled(), daemon_.clock().wall()));
}

std::string Events::read(Reader& reader, std::size_t enough) const {
  const bool wants_requests = (reader.kinds & bit(Kind::request)) != 0;
  const bool of_a_run_before = reader.last + 1 < first_;
  const bool wants_states = reader.kinds != bit(Kind::request);
  if (of_a_run_before || (wants_states && states_.has_dropped_after(reader.last)) ||
      (wants_requests && requests_.has_dropped_after(reader.last))) {
    const std::uint64_t from = std::exchange(reader.last, next_ - 1) + 1;
    return event_frame(reader.last, "gap", std::format(R"({{"from":{},"to":{}}})", from, reader.last)) +
           snapshot(reader);
  }
  std::string text;
  while (text.size() < enough) {
    const auto* state = states_.after(reader.last);
    const auto* request = wants_requests ? requests_.after(reader.last) : nullptr;
    if (state == nullptr && request == nullptr) break;
    if (state != nullptr && (request == nullptr || state->id < request->id)) {
      reader.last = state->id;
      if ((reader.kinds & bit(state->value.kind)) != 0)
        text += event_frame(state->id, kKindNames.at(static_cast<std::size_t>(state->value.kind)), state->value.json);
    } else {
      reader.last = request->id;
      text += event_frame(request->id, kKindNames.at(static_cast<std::size_t>(Kind::request)), json_of(request->value));
    }
  }
  return text;
}

http::Task<void> events(const Parts& parts, Reply& reply, std::string_view) {
  http::Exchange& exchange = reply.exchange();
  const auto kinds = read_kinds(exchange.query());
  if (!kinds) co_return co_await reply.error(kinds.error());
  Events& all = parts.events;
  Events::Reader reader = all.fresh(*kinds);
  std::string text;
  const auto last = last_event_id(exchange.request());
  if (last && all.knows(*last))
    reader.last = *last;
  else
    text = all.snapshot(reader);

  Events::Timer news(co_await boost::asio::this_coro::executor);
  struct Registered {
    Events& all;
    Events::Timer& timer;
    ~Registered() { all.forget(timer); }
  } const registered{all, news};

  reply.begin_events();
  if (co_await exchange.flush() == http::Delivery::client_gone) co_return;
  TimePoint silent_since = parts.clock.now();
  while (true) {
    if (text.empty()) text = all.read(reader, kBatch);
    if (text.empty() && later(silent_since, kKeepAlive) < parts.clock.now()) text = ": still here\n\n";
    if (!text.empty()) {
      if (co_await exchange.write(text) == http::Delivery::client_gone) co_return;
      text.clear();
      silent_since = parts.clock.now();
      continue;
    }
    if (!parts.daemon.accepting()) break;
    news.expires_after(kLookAgain);
    all.wake_at_next(news);
    co_await news.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{}));
    all.forget(news);
  }
  co_await exchange.end();
}

}  // namespace rouse::api
