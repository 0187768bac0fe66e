// What the core wants done, one function each.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <format>

#include "daemon/impl.hpp"
#include "daemon/out_of_memory.hpp"

namespace rouse::daemon {
namespace {

// "0,1": the numbers of the GPUs in it.
std::string gpus_of(const core::Placement& placement) {
  std::string text;
  for (const core::DeviceBytes& share : memory_of(placement)) {
    if (share.device != kHost) text += std::format("{}{}", text.empty() ? "" : ",", share.device.value - 1);
  }
  return text;
}

constexpr Duration kRequestsOwn = std::chrono::hours(24);  // to connect: its deadline is what counts
// A worker that is not ready in time can say what it does instead, if it is asked before the core gives it up.
constexpr Duration kEarlier = std::chrono::milliseconds(20);

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

void Daemon::Impl::feed(core::Event event) {
  if (feeding) return events.push_back(std::move(event));
  feeding = true;
  step(event);
  while (!events.empty()) {
    const core::Event next = std::move(events.front());
    events.pop_front();
    step(next);
  }
  feeding = false;
}

void Daemon::Impl::step(const core::Event& event) {
  for (const core::Effect& effect : scheduler.step(event, parts.clock.now()))
    std::visit([this](const auto& e) { perform(e); }, effect);
}

void Daemon::Impl::perform(const core::StartWorker& effect) {
  const auto& entry = catalogue.entry(effect.model);
  const WorkerId id = effect.worker;
  if (!entry->has_process()) {
    remotes.emplace(id, Remote{.entry = entry});
    return feed(core::Loaded{id});
  }
  parts.log.info("{}: starting on {}", entry->model.id, describe(memory_of(effect.placement)));
  const auto* loading = std::get_if<core::Loading>(&scheduler.view().models.at(effect.model).state);
  auto started = Worker::start(
      {.io = parts.io,
       .clock = parts.clock,
       .launcher = parts.launcher,
       .runtime = parts.runtime,
       .ports = ports,
       .upstreams = parts.upstreams,
       .log = log_of(effect.model)},
      {.id = id,
       .entry = entry,
       .gpus = gpus_of(effect.placement),
       .gpu_uuids = gpus.uuids_of(effect.placement),
       .until = loading ? loading->until - kEarlier : kNever},
      {
          .ready =
              [this, id](const Result<core::Placement>& says) {
                see_held(id);
                see_gpus_anew(id);
                take_estimate(id, says);
                feed(core::Loaded{id});
              },
          .failed = [this, id](std::string why) { feed(core::LoadFailed{id, std::move(why)}); },
          .gone = [this, id](std::string why) { worker_gone(id, std::move(why)); },
          .slept = [this, id] { boost::asio::co_spawn(parts.io.get_executor(), slept(id), boost::asio::detached); },
          .woken =
              [this, id] {
                see_gpus_anew(id);
                feed(core::Woken{id});
              },
          .restless =
              [this, id, entry](std::string why) {
                parts.log.warning(
                    "{}: {}; it is stopped instead, and not put to sleep again until its entry "
                    "changes",
                    entry->model.id, why);
                feed(core::SleepFailed{id, std::move(why)});
              },
      });
  if (!started) {
    const auto& [code, message, context] = started.error();
    log_of(effect.model).note(in_full(started.error()));
    std::string why = context.empty() ? message : std::format("{}\n{}", message, context);
    return feed(core::EffectFailed{id, std::move(why)});
  }
  weights[id].gpus_used_before = gpus.used(effect.placement);
  workers.emplace(id, std::move(*started));
  loads_under_way.begin({.worker = id,
                         .entry = entry,
                         .tree =
                             [this, id] {
                               const auto worker = workers.find(id);
                               return worker == workers.end() ? 0 : worker->second->tree();
                             },
                         .footprint = core::bytes_on(effect.placement, kHost),
                         .reserve = scheduler.view().ledger.devices().at(kHost).budget.reserve,
                         .usual = scheduler.view().models.at(effect.model).load_time,
                         .times = learnt(*entry) ? learnt(*entry)->load : LoadTimes(),
                         .again = scheduler.view().models.at(effect.model).tried_again});
  keep_sampling();
}

// What it gave up has been seen back, or is known not to be: the core's time-out goes on.
http::Task<void> Daemon::Impl::slept(WorkerId id) {
  const core::Row* row = scheduler.view().ledger.find(id);
  co_await sampled(row ? row->bytes : core::Placement{});
  feed(core::Slept{id});
}

void Daemon::Impl::perform(const core::StopWorker& effect) {
  if (end_remote(effect.worker)) return;
  const auto it = workers.find(effect.worker);
  if (it == workers.end()) return;
  before_end(effect.worker);
  it->second->stop();
}

void Daemon::Impl::perform(const core::KillWorker& effect) {
  if (end_remote(effect.worker)) return;
  const auto it = workers.find(effect.worker);
  if (it == workers.end()) return;
  before_end(effect.worker);
  it->second->kill();
}

void Daemon::Impl::perform(const core::SleepWorker& effect) { workers.at(effect.worker)->sleep(); }

void Daemon::Impl::perform(const core::WakeWorker& effect) { workers.at(effect.worker)->wake(); }

std::shared_ptr<const Entry> Daemon::Impl::entry_of(WorkerId id) const {
  if (const auto worker = workers.find(id); worker != workers.end()) return worker->second->entry();
  const auto remote = remotes.find(id);
  return remote == remotes.end() ? nullptr : remote->second.entry;
}

Upstream Daemon::Impl::upstream_of(WorkerId id, const Entry& entry) const {
  const auto* remote = std::get_if<config::Remote>(&entry.model.engine);
  if (!remote) return {.address = workers.at(id)->address(), .connect_time = kRequestsOwn};
  return {.address = {.host = remote->host,
                      .port = remote->port,
                      .path = remote->socket,
                      .tls = remote->tls,
                      .ca_file = remote->ca_file},
          .prefix = remote->prefix,
          .lines = remote->key.empty() ? std::string() : std::format("Authorization: Bearer {}\r\n", remote->key),
          .connect_time = remote->connect_timeout,
          .is_remote = true};
}

// The process tree is gone.
void Daemon::Impl::worker_gone(WorkerId id, std::string why) {
  const auto it = workers.find(id);
  if (it == workers.end()) return;
  const std::shared_ptr<const Entry> entry = it->second->entry();  // shared with the catalogue
  const ModelId model = entry->id;
  // Not from inside its own callback.
  boost::asio::post(parts.io, [worker = std::shared_ptr<Worker>(std::move(it->second))] {});
  workers.erase(it);
  holdings.erase(id);
  for (const auto& [request, pending] : requests) {
    if (pending->worker != id) continue;
    pending->worker_gone = true;
    pending->worker_end = why;
    pending->wake();
  }
  const core::Row* row = scheduler.view().ledger.find(id);
  const auto known = scheduler.view().models.find(model);
  const bool asked =
      known != scheduler.view().models.end() && core::stage(known->second.state) == core::Stage::stopping;
  auto short_of = ran_out(why, row ? row->bytes : core::Placement{}, pressed && !asked);
  note_held(id, *entry);
  const bool is_short = !short_of.empty();
  feed(core::Exited{id, std::move(why), std::move(short_of)});
  if (const auto weight = weights.find(id); weight != weights.end()) note_end(*entry, weight->second, is_short);
  expect_bytes(id);
  weights.erase(id);
  forget_if_gone(model);
  sample();
}

void Daemon::Impl::perform(const core::Admit& effect) {
  if (is_granted(effect)) return;
  const auto it = requests.find(effect.request);
  auto entry = entry_of(effect.worker);
  if (it == requests.end() || !entry) return feed(core::Finish{effect.request, core::Outcome::failed});
  Pending& pending = *it->second;
  pending.worker = effect.worker;
  pending.upstream = upstream_of(effect.worker, *entry);
  pending.entry = std::move(entry);
  pending.admitted = parts.clock.now();
  pending.waited = waited(pending);
  tell(pending, RequestStep::started);
  pending.settle(Pending::At::admitted);
}

void Daemon::Impl::perform(const core::Refuse& effect) {
  if (is_refused(effect)) return;
  if (const auto it = requests.find(effect.request); it != requests.end()) {
    Pending& pending = *it->second;
    pending.refusal = effect.refusal;
    pending.waited = waited(pending);
    if (pending.refusal.retry_at == kNever) pending.refusal.retry_at = retry_at(effect.refusal.reason, pending.model);
    requests.erase(it);
    tell(pending, RequestStep::ended, Ending::refused);
    pending.settle(Pending::At::refused);
    return;
  }
  if (const auto it = unloads.find(effect.request); it != unloads.end()) {
    it->second->refusal = effect.refusal;
    it->second->done.cancel();
  }
}

void Daemon::Impl::perform(const core::CutLease& effect) {
  if (is_over(effect)) return;
  const auto it = requests.find(effect.request);
  if (it != requests.end()) it->second->cut_off(Cut::forced);
}

void Daemon::Impl::perform(const core::WakeAt& effect) {
  if (effect.time == kNever) {
    wake.cancel();
    return;
  }
  wake.expires_at(effect.time);
  wake.async_wait([this](const boost::system::error_code& error) {
    if (!error) feed(core::Tick{});
  });
}

void Daemon::Impl::log_transition(const core::Announce& change) const {
  const Entry* entry = catalogue.seen(change.model);
  if (!entry) return;
  const std::string& name = entry->model.id;
  const auto& models = scheduler.view().models;
  const auto model = models.find(change.model);
  const auto* failed = model == models.end() ? nullptr : std::get_if<core::Failed>(&model->second.state);
  const std::string_view error = failed ? first_line(failed->error) : std::string_view();
  const std::string_view reason =
      change.reason == core::StopReason::none ? std::string_view() : core::name(change.reason);
  const std::string line =
      std::format("{}: {} → {} ({}{}{}), worker {}, {} → {}{}{}", name, core::name(change.from), core::name(change.to),
                  core::name(change.trigger), reason.empty() ? "" : ": ", reason, change.worker.value,
                  to_string(change.before), to_string(change.after), error.empty() ? "" : ": ", error);
  const system::LogField fields[] = {{"event", "transition"},
                                     {"model", name},
                                     {"from", core::name(change.from)},
                                     {"to", core::name(change.to)},
                                     {"trigger", core::name(change.trigger)},
                                     {"reason", reason},
                                     {"worker", static_cast<std::int64_t>(change.worker.value)},
                                     {"bytes_before", change.before.count},
                                     {"bytes_after", change.after.count},
                                     {"error", error}};
  parts.log.write(failed ? system::Level::warning : system::Level::info, line, fields);
}

void Daemon::Impl::perform(const core::Announce& effect) {
  if (effect.to == core::Stage::loading) loading_times[effect.model].begins(parts.clock.now());
  std::optional<Loads::Ended> load;
  if (effect.from == core::Stage::loading) {
    loading_times[effect.model].ends(parts.clock.now());
    const auto how = effect.to == core::Stage::ready ? Loads::End::ready : Loads::End::otherwise;
    load = loads_under_way.end(effect.worker, how);
  }
  note_transition(effect, load);
  watch_open_ended(effect);
  look_at_places(effect.model);
  log_transition(effect);
  keep_sampling();
  for (Observer* observer : observers) observer->on_transition(effect);
}

void Daemon::Impl::perform(const core::ShutdownComplete&) {
  over = true;
  open_ended_until.clear();
  sampling.cancel();
  driver_patience.cancel();
  gpu_news.cancel();
  finished.cancel();
}

}  // namespace rouse::daemon
