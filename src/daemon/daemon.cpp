#include "daemon/daemon.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <format>

#include "base/nearest.hpp"
#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{});
constexpr auto kLookWithin = std::chrono::seconds(1);     // at files, for somebody who only wants to see
constexpr auto kForcedUnload = std::chrono::seconds(10);  // running answers have that long to end

Ending ending(const Pending& pending, core::Outcome outcome) {
  if (pending.cut_short == Cut::cancelled) return Ending::cancelled;
  switch (outcome) {
    case core::Outcome::ok: return Ending::ok;
    case core::Outcome::failed: return Ending::failed;
    case core::Outcome::unused: return Ending::unused;
  }
  std::unreachable();
}

}  // namespace

Daemon::Impl::Impl(Parts given, const config::Config& config)
    : parts(given),
      default_deadline(config.deadline),
      wake(given.io),
      sampling(given.io),
      driver_patience(given.io),
      gpu_news(given.io, boost::asio::steady_timer::time_point::max()),
      watch(given.io, given.driver_library,
            [this](GpuWatch::Look look, GpuWatch::Gpus seen) { saw_gpus(look, std::move(seen)); }),
      finished(given.io, boost::asio::steady_timer::time_point::max()),
      warm_files({.io = given.io, .log = given.log},
                 [this] {
                   feed(core::CatalogueChanged{.changed = {}, .removed = {}, .budgets = {host_budget()}});
                   boost::asio::post(parts.io, [this] { keep_warm(); });
                 }),
      store({.io = given.io, .clock = given.clock, .log = given.log}, given.state,
            [this](LearntRecords records) { take_past(std::move(records)); }),
      loads_under_way({.io = given.io, .pool = pool, .clock = given.clock, .log = given.log}, [this](ModelId model) {
        for (Observer* observer : observers) observer->on_progress(model);
      }) {
  configure(config);
}

Daemon::Impl::~Impl() { pool.join(); }

// --- requests -----------------------------------------------------------------------------------------------

void Daemon::Impl::abandon(RequestId request) {
  if (const auto it = requests.find(request); it != requests.end()) {
    tell(*it->second, RequestStep::ended, Ending::abandoned);
    requests.erase(it);
  }
  feed(core::Abandon{request});
}

void Daemon::Impl::finish(RequestId request, core::Outcome outcome) {
  const auto it = requests.find(request);
  if (it != requests.end()) {
    last_used[it->second->model] = parts.clock.wall();
    tell(*it->second, RequestStep::ended, ending(*it->second, outcome));
    if (outcome == core::Outcome::ok) services[it->second->model].add(parts.clock.now() - it->second->admitted);
    requests.erase(it);
  }
  feed(core::Finish{request, outcome});
}

Error Daemon::Impl::explain(const core::Refusal& refusal, ModelId model) const {
  const Entry* entry = catalogue.seen(model);
  std::vector<DeviceId> devices;
  for (const auto& [device, state] : scheduler.view().ledger.devices()) {
    if (state.budget.total > Bytes{} && !is_group(device)) devices.push_back(device);
  }
  Surroundings around{.devices = devices};
  if (const system::Gpu* gpu = gpus.find(refusal.device)) around.unavailable = gpu->unavailable;
  if (is_group(refusal.device)) {
    around.group = catalogue.groups().name(refusal.device);
    around.max_loaded = static_cast<std::uint32_t>(scheduler.view().ledger.ever(refusal.device).count);
  }
  return to_error(refusal, entry ? entry->model.id : "?", parts.clock.now(), around);
}

Pending Daemon::Impl::pending(ModelId model, const RequestOptions& options) {
  const TimePoint now = parts.clock.now();
  const auto loads = loading_times.find(model);
  return {.desk = *this,
          .request = RequestId{next_request++},
          .model = model,
          .submitted = now,
          .id = options.id,
          .client = options.client_name,
          .exchange = options.exchange,
          .origin = options.origin,
          .in_place_of = options.in_place_of,
          .loading_before = loads == loading_times.end() ? Duration{} : loads->second.until(now)};
}

Ticket Daemon::Impl::submit(ModelId model, const RequestOptions& options) {
  auto owned = std::make_unique<Pending>(pending(model, options));
  Pending& waiting = *owned;
  requests.emplace(waiting.request, &waiting);
  const core::Submit event{.request = waiting.request,
                           .model = model,
                           .client = options.client,
                           .priority = options.priority,
                           .deadline = options.deadline.value_or(later(waiting.submitted, default_deadline)),
                           .keep = catalogue.entry(model)->has_process() ? options.keep : std::nullopt,
                           .patience = options.patience,
                           .origin = options.origin};
  Ticket ticket(std::move(owned));
  if (options.patience != core::Patience::only_if_ready) make_room_for(model);
  feed(event);
  look_at_places(model);
  if (!ticket.settled()) {
    tell(waiting, RequestStep::queued);
    keep_sampling();
  }
  return ticket;
}

std::shared_ptr<Daemon::Impl::Look> Daemon::Impl::look(const std::shared_ptr<const Entry>& entry) {
  const ModelId model = entry->id;
  std::shared_ptr<Look>& look = looks[model];
  if (look) return look;
  look = std::make_shared<Look>(parts.io, entry, parts.clock.now());
  boost::asio::post(pool, [this, look, model] {
    await_past();  // what is known of it is told with what is seen
    auto result = measure(*look->entry);
    boost::asio::post(parts.io, [this, look, model, result = std::move(result)]() mutable {
      if (asks_for(model, *look->entry)) looked(model, result);
      look->result = std::move(result);
      look->done.cancel();
      looks.erase(model);
    });
  });
  return look;
}

bool Daemon::Impl::may_be_started(ModelId model) const {
  const core::Stage stage = core::stage(scheduler.view().models.at(model).state);
  return stage == core::Stage::cold || stage == core::Stage::failed;
}

http::Task<Result<void>> Daemon::Impl::look_at_files(ModelId model) {
  while (catalogue.entries().contains(model)) {
    const std::shared_ptr<const Entry> entry = catalogue.entry(model);  // shared with the catalogue and the pool
    if (!may_be_started(model)) co_return Result<void>{};
    if (entry->has_process()) co_await sampled(scheduler.view().models.at(model).spec.placements.front());
    if (!catalogue.entries().contains(model) || catalogue.entry(model) != entry) continue;
    if (identify(*entry) == entry->files) co_return Result<void>{};

    const std::shared_ptr<Look> mine = look(entry);
    while (!mine->result) co_await mine->done.async_wait(kAwait);
    if (!asks_for(model, *mine->entry)) continue;  // a reload has changed what there is to look at
    if (!*mine->result) co_return std::unexpected(mine->result->error());
    co_return Result<void>{};
  }
  co_return Result<void>{};  // removed: the core refuses
}

void Daemon::Impl::looked(ModelId model, const Result<Measured>& found) {
  const std::string before = unusable.contains(model) ? unusable.extract(model).mapped() : std::string();
  if (found) {
    feed(catalogue.learn(model, *found));
    return recall(model);
  }
  const std::string why = in_full(found.error());
  unusable.emplace(model, why);
  if (why == before) return;
  parts.log.warning("{}: {}", catalogue.entry(model)->model.id, why);
  log_of(model).note(why);
}

bool Daemon::Impl::asks_for(ModelId model, const Entry& entry) const {
  const auto now = catalogue.entries().find(model);
  return now != catalogue.entries().end() && now->second->model.engine == entry.model.engine;
}

http::Task<void> Daemon::Impl::preload(core::Preload event) {
  const auto looked = co_await look_at_files(event.model);
  if (looked) {
    make_room_for(event.model);
    feed(event);
    co_return tell_of_preload(event.model);
  }
  if (const Entry* entry = catalogue.seen(event.model))
    parts.log.warning("{}: not preloaded: {}", entry->model.id, in_full(looked.error()));
}

// It waits for free bytes, or has been given up.
void Daemon::Impl::tell_of_preload(ModelId id) const {
  const auto known = scheduler.view().models.find(id);
  const Entry* entry = catalogue.seen(id);
  if (known == scheduler.view().models.end() || !entry || !may_be_started(id)) return;
  if (known->second.preload)
    parts.log.info("{}: waits for free memory before it is preloaded", entry->model.id);
  else
    parts.log.warning(
        "{}: not preloaded: it is larger than what its devices can ever offer, or pinned models hold that",
        entry->model.id);
}

http::Task<void> Daemon::expect_footprint(ModelId model) {
  const auto& entry = impl_->catalogue.entry(model);
  const bool known = impl_->unusable.contains(model) || !entry->identity.empty();
  if (known || !entry->has_process()) co_return;
  const auto mine = impl_->look(entry);  // shared with the pool and the others who wait
  if (!mine->result) co_await mine->done.async_wait(boost::asio::cancel_after(kLookWithin, kAwait));
}

http::Task<Result<Ticket>> Daemon::request(ModelId model, RequestOptions options) {
  if (!impl_->catalogue.entries().contains(model))
    co_return fail(Code::unknown_model, "the model is no longer configured");
  if (!impl_->may_be_started(model)) co_return impl_->submit(model, options);
  if (auto looked = co_await impl_->look_at_files(model); !looked) {
    impl_->tell(impl_->pending(model, options), RequestStep::ended, Ending::failed);
    co_return std::unexpected(std::move(looked.error()));
  }
  co_return impl_->submit(model, options);
}

bool Daemon::can_answer_now(ModelId id) const {
  const auto known = impl_->scheduler.view().models.find(id);
  if (known == impl_->scheduler.view().models.end() || !known->second.queue.empty()) return false;
  const auto* ready = std::get_if<core::Ready>(&known->second.state);
  return ready && ready->worker.leases.size() < known->second.spec.concurrency;
}

void Daemon::preload_for_fallback(ModelId model) {
  const core::Preload event{model, core::Evicts::yes};
  if (!impl_->catalogue.entries().contains(model)) return;
  if (impl_->may_be_started(model)) return impl_->begin_preload(event);
  impl_->feed(event);  // asleep, it need not look at any file
}

Result<ModelId> Daemon::find(std::string_view name) const {
  if (const auto id = impl_->catalogue.find(name)) return *id;
  const std::vector<std::string_view> names = impl_->catalogue.names();
  const std::string hint = did_you_mean(name, names);
  const std::string shown(name.substr(0, 200));
  if (!hint.empty()) return fail(Code::unknown_model, std::format("model \"{}\" is unknown; {}", shown, hint));
  return fail(Code::unknown_model, std::format("model \"{}\" is unknown; GET /v1/models lists those there are", shown));
}

std::string_view Daemon::name_of(ModelId id) const {
  const Entry* entry = impl_->catalogue.seen(id);
  return entry ? std::string_view(entry->model.id) : std::string_view();
}

const Entry& Daemon::entry(ModelId id) const { return *impl_->catalogue.entry(id); }

// --- operators ----------------------------------------------------------------------------------------------

http::Task<Result<void>> Daemon::begin_load(ModelId model, RequestOptions options) {
  options.origin = core::Origin::operator_;
  options.id = options.client_name = {};
  options.exchange = nullptr;  // the load outlives whoever asked for it
  auto ticket = co_await request(model, options);
  if (!ticket) co_return std::unexpected(std::move(ticket.error()));
  if (ticket->settled()) {
    auto lease = ticket->take();
    if (!lease) co_return std::unexpected(std::move(lease.error()));
    lease->finish(core::Outcome::unused);
    co_return Result<void>{};
  }
  // The ticket waits on by itself: it settles at its deadline at the latest, and with shutdown.
  boost::asio::co_spawn(
      impl_->parts.io.get_executor(),
      [](Ticket waiting) -> http::Task<void> {
        while (!co_await waiting.settled_by(kNever)) continue;
      }(std::move(*ticket)),
      boost::asio::detached);
  co_return Result<void>{};
}

http::Task<Result<Receipt>> Daemon::unload(ModelId model, core::Force force) {
  if (!impl_->catalogue.entry(model)->has_process()) co_return Receipt{};  // it holds nothing, and stays ready
  const RequestId request{impl_->next_request++};
  Impl::Unloading operation(impl_->parts.io);
  struct Registered {  // also when the operator has left
    std::unordered_map<RequestId, Impl::Unloading*>& all;
    RequestId request;
    ~Registered() { all.erase(request); }
  } registered{impl_->unloads, request};
  impl_->unloads.emplace(request, &operation);
  const TimePoint begun = impl_->parts.clock.now();
  impl_->feed(core::Unload{request, model, force, later(begun, kForcedUnload)});
  while (!operation.receipt && !operation.refusal) co_await operation.done.async_wait(kAwait);
  if (operation.refusal) co_return std::unexpected(impl_->explain(*operation.refusal, model));
  Receipt receipt = std::move(*operation.receipt);
  receipt.took = impl_->parts.clock.now() - begun;
  receipt.reason = "unloaded";
  co_return receipt;
}

void Daemon::pin(ModelId model, bool pinned) { impl_->feed(core::Pin{model, pinned}); }

void Daemon::begin_shutdown(TimePoint deadline) {
  impl_->accepting = false;
  impl_->feed(core::Shutdown{deadline});
}

http::Task<void> Daemon::ended() {
  while (!impl_->over) co_await impl_->finished.async_wait(kAwait);
}

bool Daemon::accepting() const { return impl_->accepting; }

void Daemon::Impl::begin_preload(core::Preload event) {
  // Owned by nobody but the pool's one look; ends with it.
  boost::asio::co_spawn(parts.io.get_executor(), preload(event), boost::asio::detached);
}

void Daemon::start_preloads() {
  impl_->look_at_gpus();
  for (const auto& [id, entry] : impl_->catalogue.entries()) {
    if (entry->model.preload) impl_->begin_preload(core::Preload{id});
  }
  impl_->keep_warm();
}

system::WorkerLog& Daemon::Impl::log_of(ModelId id) {
  auto& log = logs[id];
  if (!log) log = std::make_unique<system::WorkerLog>(parts.clock);
  return *log;
}

Daemon::Daemon(Parts parts, const config::Config& config) : impl_(std::make_unique<Impl>(parts, config)) {}
Daemon::~Daemon() = default;

}  // namespace rouse::daemon
