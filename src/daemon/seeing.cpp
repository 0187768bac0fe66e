// What there is to see of models and devices.
#include <algorithm>
#include <format>

#include "core/overdue.hpp"
#include "core/placement.hpp"
#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

// "loading 43 % eta 1.2 s", as far as it is known.
std::string in_words(std::string_view what, Duration elapsed, const std::optional<Progress::Estimate>& progress) {
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  if (!progress || (progress->done == 0 && !progress->left))
    return std::format("{} for {:.1f} s", what, seconds(elapsed));
  std::string words = std::format("{} {:.0f} %", what, 100 * progress->done);
  if (progress->left) words += std::format(" eta {:.1f} s", seconds(*progress->left));
  return words;
}

core::Placement estimated(const Entry& entry) {
  const Bytes total = entry.estimate ? entry.estimate->total() : Bytes{};
  return total > Bytes{} ? core::Placement{{kHost, total}} : core::Placement{};
}

}  // namespace

std::string device_name(DeviceId id) { return id == kHost ? "host" : std::format("gpu{}", id.value - 1); }

std::string describe(const core::Placement& placement) {
  std::string text;
  for (const auto& [device, bytes] : placement) {
    if (!is_group(device))
      text += std::format("{}{} {}", text.empty() ? "" : ", ", device_name(device), to_string(bytes));
  }
  return text;
}

ModelStatus Daemon::model(ModelId id) const {
  const core::View& view = impl_->scheduler.view();
  const core::Model& model = view.models.at(id);
  const Entry& entry = *impl_->catalogue.seen(id);
  const TimePoint now = impl_->parts.clock.now();
  const WallTime wall = impl_->parts.clock.wall();
  auto at = [&](TimePoint t) { return wall + std::chrono::duration_cast<WallTime::duration>(t - now); };

  ModelStatus status{.name = entry.model.id,
                     .aliases = entry.model.aliases,
                     .engine = entry.engine->name,
                     .group = entry.model.group,
                     .stage = core::stage(model.state),
                     .drains_for = impl_->drains_for(model),
                     .waiting = model.queue.size(),
                     .footprint = {},
                     .footprint_source = model.spec.size_source,
                     .configured = memory_of(entry.model.footprint),
                     .estimated = estimated(entry),
                     .learnt = impl_->shown_learnt(entry),
                     .file_pages = {},
                     .pid = {},
                     .duplicates = {},
                     .loads = model.loads,
                     .last_load = model.load_time,
                     .last_used = {},
                     .expires_at = {},
                     .keep_forever = model.keep.is_forever(),
                     .pinned = model.pinned,
                     .removed = model.removed,
                     .progress = {},
                     .time_left = {},
                     .come = {},
                     .error = {},
                     .retry_at = {},
                     .circuit = {}};
  const core::Worker* worker = core::worker(model.state);
  const core::Row* row = worker ? view.ledger.find(worker->id) : nullptr;
  if (row)
    status.footprint = memory_of(row->bytes);
  else if (model.measured || model.needs || !entry.model.footprint.empty() || entry.estimate)
    status.footprint = memory_of(core::size_in(model, model.spec.placements.front()));
  const bool is_told = model.spec.size_source == core::SizeSource::configured &&
                       status.footprint == memory_of(model.spec.placements.front());
  const auto weight = worker ? impl_->weights.find(worker->id) : impl_->weights.end();
  const bool is_seen = row && weight != impl_->weights.end() && weight->second.exact;
  if (is_seen || ((model.measured || model.needs) && !is_told)) status.footprint_source = core::SizeSource::measured;
  if (worker) {
    status.leases = worker->leases.size();
    const auto process = impl_->workers.find(worker->id);
    if (process != impl_->workers.end() && process->second->pid() != 0) status.pid = process->second->pid();
    if (weight != impl_->weights.end()) {
      status.file_pages = weight->second.mapped();
      const auto& [says, last] = std::tie(weight->second.says, weight->second.last);
      if (!says.empty()) status.estimated = memory_of(says);
      if (core::larger(last, says) != last) status.footprint_source = core::SizeSource::estimated;
    }
    if (const auto held = impl_->holdings.find(worker->id); held != impl_->holdings.end())
      status.duplicates = held->second.duplicates;
  }
  if (const auto used = impl_->last_used.find(id); used != impl_->last_used.end()) status.last_used = used->second;
  if (const auto* ready = std::get_if<core::Ready>(&model.state);
      ready && ready->worker.leases.empty() && !model.pinned && !model.keep.is_forever()) {
    status.expires_at = at(later(ready->last_used, model.keep.idle));
  }
  if (const auto* asleep = std::get_if<core::Asleep>(&model.state);
      asleep && !model.pinned && !model.spec.keep_asleep.is_forever()) {
    status.expires_at = at(later(asleep->since, model.spec.keep_asleep.idle));
  }
  if (const auto progress = impl_->progress(model)) {
    status.progress = progress->done;
    status.time_left = progress->left;
    if (progress->needed > Bytes{}) status.come = Come{.present = progress->present, .needed = progress->needed};
  }
  if (const auto* failed = std::get_if<core::Failed>(&model.state)) {
    status.error = failed->error;
    if (failed->retry_at != kNever) status.retry_at = at(failed->retry_at);
  }
  if (const auto remote = worker ? impl_->remotes.find(worker->id) : impl_->remotes.end();
      remote != impl_->remotes.end()) {
    const CircuitBreaker& circuit = remote->second.circuit;
    status.circuit = circuit.state();
    if (status.circuit != CircuitBreaker::State::closed) {
      status.error = in_full(circuit.last_failure());
      status.retry_at = at(circuit.retry_at());
    }
  }
  if (const auto why = impl_->unusable.find(id); why != impl_->unusable.end() && status.stage == core::Stage::cold) {
    status.stage = core::Stage::failed;
    status.error = why->second;
  }
  return status;
}

std::string Daemon::Impl::drains_for(const core::Model& model) const {
  const auto* draining = std::get_if<core::Draining>(&model.state);
  if (!draining) return {};
  if (const auto* plan = std::get_if<core::DrainedByPlan>(&draining->cause)) {
    if (is_reservation(plan->waiter)) return "a reservation";
    const Entry* waiter = catalogue.seen(plan->waiter);
    return waiter ? "model " + waiter->model.id : std::string();
  }
  if (std::holds_alternative<core::DrainedByUnload>(draining->cause)) return "an unload";
  return std::holds_alternative<core::DrainedByChange>(draining->cause) ? "a change" : "the shutdown";
}

core::Stage Daemon::stage(ModelId id) const { return core::stage(impl_->scheduler.view().models.at(id).state); }

std::vector<ModelStatus> Daemon::models() const {
  std::vector<ModelStatus> all;
  for (const auto& [id, entry] : impl_->catalogue.entries()) all.push_back(model(id));
  for (const auto& [id, entry] : impl_->catalogue.removed()) {
    if (impl_->scheduler.view().models.contains(id)) all.push_back(model(id));
  }
  std::ranges::sort(all, {}, &ModelStatus::name);
  return all;
}

std::vector<DeviceStatus> Daemon::devices() {
  impl_->sample();
  impl_->look_at_gpus();
  return devices_as_sampled();
}

std::vector<DeviceStatus> Daemon::devices_as_sampled() const {
  const core::Ledger& ledger = impl_->scheduler.view().ledger;
  std::vector<DeviceStatus> all;
  for (const auto& [id, device] : ledger.devices()) {
    if (is_group(id)) continue;
    Bytes unconfirmed;
    Bytes reserved;
    for (const auto& [worker, row] : ledger.rows()) {
      if (is_reservation(row.model)) reserved += core::bytes_on(row.bytes, id);
      if (row.phase == core::Phase::unconfirmed || row.phase == core::Phase::stuck)
        unconfirmed += core::bytes_on(row.bytes, id);
    }
    const Bytes warm = id == kHost ? impl_->warm_files.held() : Bytes{};
    all.push_back({.name = device_name(id),
                   .total = device.budget.total + warm,
                   .limit = device.budget.limit + warm,
                   .reserve = device.budget.reserve,
                   .effective = ledger.effective(id),
                   .used_by_models = device.held - unconfirmed - reserved,
                   .used_by_others = device.others,
                   .unconfirmed = unconfirmed,
                   .kept_warm = warm,
                   .reserved = reserved});
    DeviceStatus& status = all.back();
    if (id == kHost) {
      for (const auto& [worker, weight] : impl_->weights) status.file_pages += weight.mapped();
      status.pressure = impl_->pressure;
      status.pressed = impl_->pressed;
    }
    if (const system::Gpu* gpu = impl_->gpus.find(id)) {
      const auto holders = impl_->gpus.holders(id);
      status.uuid = gpu->uuid;
      status.product = gpu->name;
      status.unavailable = gpu->unavailable;
      status.attributed = holders.has_value();
      status.shared = holders && holders->has_strangers;
    }
  }
  return all;
}

std::vector<GroupStatus> Daemon::groups() const {
  const Groups& groups = impl_->catalogue.groups();
  std::vector<GroupStatus> all;
  all.reserve(groups.configured().size());
  for (const config::Group& group : groups.configured()) {
    const Bytes held = impl_->scheduler.view().ledger.devices().at(groups.device(group.name)).held;
    all.push_back({.name = group.name,
                   .max_loaded = group.max_loaded,
                   .loaded = static_cast<std::uint32_t>(held.count / kPlaceInGroup.count)});
  }
  return all;
}

system::WorkerLog& Daemon::log_of(ModelId id) { return impl_->log_of(id); }

std::string Daemon::progress(ModelId id) const {
  const core::Model& model = impl_->scheduler.view().models.at(id);
  const TimePoint now = impl_->parts.clock.now();
  if (const auto* loading = std::get_if<core::Loading>(&model.state))
    return in_words("loading", now - loading->since, impl_->progress(model));
  if (const auto* waking = std::get_if<core::Waking>(&model.state))
    return in_words("waking", now - waking->since, impl_->progress(model));
  if (std::holds_alternative<core::Ready>(model.state))
    return std::format("waiting for a free slot, {} waiting", model.queue.size());
  if (std::holds_alternative<core::Failed>(model.state)) return "waiting to try again";
  return "waiting for memory";
}

std::optional<Progress::Estimate> Daemon::Impl::progress(const core::Model& model) {
  if (const auto* loading = std::get_if<core::Loading>(&model.state))
    return loads_under_way.progress(loading->worker.id);
  const auto* waking = std::get_if<core::Waking>(&model.state);
  if (!waking) return std::nullopt;
  return Progress(waking->since, model.wake_time).at(parts.clock.now());  // nothing is to be seen but the clock
}

TimePoint Daemon::Impl::retry_at(core::Reason reason, ModelId id) {
  const auto known = scheduler.view().models.find(id);
  if (known == scheduler.view().models.end()) return kNever;
  const core::Model& model = known->second;
  const TimePoint now = parts.clock.now();
  if (reason == core::Reason::queue_full) {
    const auto service = services.find(id);
    if (service == services.end()) return kNever;
    return later(now, service->second.of_queue(model.queue.size(), model.spec.concurrency));
  }
  if (reason != core::Reason::not_ready) return kNever;
  const auto on_its_way = progress(model);
  if (on_its_way && on_its_way->left) return later(now, *on_its_way->left);
  const auto* loading = std::get_if<core::Loading>(&model.state);
  return later(loading ? loading->since : now, model.load_time.value_or(model.spec.expected_load));
}

std::vector<std::string> Daemon::stuck() const {
  const TimePoint now = impl_->parts.clock.now();
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  std::vector<std::string> stuck;
  for (const core::Overdue& each : core::overdue(impl_->scheduler.view(), now)) {
    stuck.push_back(std::format("{}: {} for {:.0f} s, which nothing has explained for {:.0f} s", name_of(each.model),
                                core::name(each.what), seconds(now - each.since), seconds(now - each.explained_until)));
  }
  for (const auto& [id, look] : impl_->looks) {  // a file system that does not answer
    const Duration since = now - look->since;
    if (since > impl_->scheduler.view().policy.load_timeout)
      stuck.push_back(std::format("{}: its files have been looked at for {:.0f} s", name_of(id), seconds(since)));
  }
  return stuck;
}

void Daemon::observe(Observer& observer) { impl_->observers.push_back(&observer); }

const Clock& Daemon::clock() const { return impl_->parts.clock; }

}  // namespace rouse::daemon
