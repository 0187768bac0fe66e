// The requests that wait or run: who they are, and how one of them is ended.
#include <algorithm>
#include <charconv>
#include <format>
#include <map>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr char kApart = '~';  // no X-Request-Id holds one

std::string numbered(const Pending& pending) {
  return std::format("{}{}{}", pending.id.empty() ? "load" : pending.id, kApart, pending.request.value);
}

std::uint64_t bytes_of(const Pending& pending) { return pending.exchange ? pending.exchange->body_bytes() : 0; }

// The request that "id~7" speaks of.
std::optional<RequestId> number_in(std::string_view id) {
  const std::size_t at = id.rfind(kApart);
  if (at == std::string_view::npos) return std::nullopt;
  RequestId request{};
  const char* const end = id.data() + id.size();
  const auto [stop, wrong] = std::from_chars(id.data() + at + 1, end, request.value);
  return wrong == std::errc() && stop == end ? std::optional(request) : std::nullopt;
}

}  // namespace

std::string_view name(RequestPhase phase) {
  switch (phase) {
    case RequestPhase::queued: return "queued";
    case RequestPhase::loading: return "loading";
    case RequestPhase::prompt: return "prompt";
    case RequestPhase::streaming: return "streaming";
  }
  std::unreachable();
}

std::string_view name(Ending ending) {
  switch (ending) {
    case Ending::none: return "none";
    case Ending::ok: return "ok";
    case Ending::failed: return "failed";
    case Ending::refused: return "refused";
    case Ending::unused: return "unused";
    case Ending::abandoned: return "abandoned";
    case Ending::cancelled: return "cancelled";
  }
  std::unreachable();
}

void Daemon::Impl::tell(const Pending& pending, RequestStep step, Ending ending) const {
  if (observers.empty() || pending.origin != core::Origin::client) return;
  RequestNews news{.step = step,
                   .request = pending.request,
                   .id = pending.id,
                   .client = pending.client,
                   .model = pending.model,
                   .in_place_of = pending.in_place_of,
                   .ending = ending,
                   .started = pending.at == Pending::At::admitted,
                   .reason = pending.refusal.reason,
                   .waited = pending.waited,
                   .first_byte = {},
                   .whole = step == RequestStep::ended ? parts.clock.now() - pending.submitted : Duration{},
                   .bytes = bytes_of(pending)};
  if (pending.first_byte) news.first_byte = *pending.first_byte - pending.admitted;
  for (Observer* observer : observers) observer->on_request(news);
}

Waited Daemon::Impl::waited(const Pending& pending) const {
  const TimePoint now = parts.clock.now();
  const auto loads = loading_times.find(pending.model);
  const Duration load = loads == loading_times.end()
                            ? Duration{}
                            : std::max(Duration{}, loads->second.until(now) - pending.loading_before);
  return {.queue = std::max(Duration{}, now - pending.submitted - load), .load = load};
}

void Daemon::Impl::doubt(Pending& pending) {
  pending.unheard = true;
  const bool answers_others = std::ranges::any_of(
      requests, [&](const auto& other) { return other.second->worker == pending.worker && !other.second->unheard; });
  const auto worker = workers.find(pending.worker);
  if (!answers_others && worker != workers.end()) worker->second->end_if_deaf();
}

RequestStatus Daemon::Impl::status(const Pending& pending) const {
  const Entry* entry = catalogue.seen(pending.model);
  RequestStatus status{.id = std::string(pending.id),
                       .model = entry ? entry->model.id : "",
                       .asked = {},
                       .client = std::string(pending.client),
                       .by_operator = pending.origin == core::Origin::operator_,
                       .phase = pending.first_byte ? RequestPhase::streaming : RequestPhase::prompt,
                       .waited = pending.admitted - pending.submitted,
                       .position = {},
                       .bytes = bytes_of(pending)};
  const Entry* asked = pending.in_place_of ? catalogue.seen(pending.in_place_of->model) : nullptr;
  if (asked) status.asked = asked->model.id;
  if (pending.at == Pending::At::admitted) return status;
  const auto& models = scheduler.view().models;
  const auto model = models.find(pending.model);
  const bool loads = model != models.end() && std::holds_alternative<core::Loading>(model->second.state);
  status.phase = loads ? RequestPhase::loading : RequestPhase::queued;
  status.waited = parts.clock.now() - pending.submitted;
  return status;
}

std::vector<RequestStatus> Daemon::requests() const {
  const core::View& view = impl_->scheduler.view();
  std::map<RequestId, std::uint64_t> positions;
  for (const auto& [id, model] : view.models) {
    std::uint64_t position = 0;
    for (const RequestId request : model.queue.order(impl_->parts.clock.now(), view.policy.patience))
      positions.emplace(request, ++position);
  }
  std::map<RequestId, const Pending*> by_arrival(impl_->requests.begin(), impl_->requests.end());
  std::map<std::string_view, int> carriers;
  for (const auto& [request, pending] : by_arrival) ++carriers[pending->id];

  std::vector<RequestStatus> all;
  for (const auto& [request, pending] : by_arrival) {
    RequestStatus status = impl_->status(*pending);
    if (pending->id.empty() || carriers.at(pending->id) > 1) status.id = numbered(*pending);
    if (const auto position = positions.find(request); position != positions.end()) status.position = position->second;
    all.push_back(std::move(status));
  }
  return all;
}

Result<RequestStatus> Daemon::cancel(std::string_view id) {
  std::vector<Pending*> meant;
  if (const auto number = number_in(id)) {
    const auto it = impl_->requests.find(*number);
    if (it != impl_->requests.end() && numbered(*it->second) == id) meant.push_back(it->second);
  } else {
    for (const auto& [request, pending] : impl_->requests) {
      if (pending->id == id && !id.empty()) meant.push_back(pending);
    }
  }
  if (meant.empty()) {
    return fail(Code::not_found, std::format("no request \"{}\" waits or runs here; GET /rouse/v1/requests lists those "
                                             "that do",
                                             id.substr(0, 200)));
  }
  if (meant.size() > 1) {
    return fail(Code::conflict, std::format("{} requests carry the id \"{}\"; GET /rouse/v1/requests shows one of its "
                                            "own for each of them",
                                            meant.size(), id));
  }
  Pending& pending = *meant.front();
  RequestStatus status = impl_->status(pending);
  status.id = id;
  if (pending.at == Pending::At::admitted) {
    pending.cut_off(Cut::cancelled);
    return status;
  }
  const RequestId request = pending.request;
  impl_->requests.erase(request);
  pending.waited = impl_->waited(pending);
  impl_->tell(pending, RequestStep::ended, Ending::cancelled);
  pending.settle(Pending::At::cancelled);
  impl_->feed(core::Abandon{request});
  return status;
}

}  // namespace rouse::daemon
