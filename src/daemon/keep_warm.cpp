// When files of cold models are held in the page cache, and when they are given up.
#include <algorithm>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr Duration kLeftToOthers = std::chrono::seconds(30);  // what they have taken, before it is held again

}  // namespace

core::Budget Daemon::Impl::host_budget() const {
  const Bytes warm = warm_files.held();
  return {.device = kHost,
          .total = host_total - warm,
          .limit = std::max(Bytes{}, limit_on(host_config, host_total) - warm),
          .reserve = host_config.reserve};
}

void Daemon::Impl::keep_warm() {
  const auto& models = scheduler.view().models;
  const bool wanted = std::ranges::any_of(catalogue.entries(), [](const auto& e) { return e.second->model.keep_warm; });
  // Whoever waits for memory comes first.
  const auto waits = [](const auto& model) { return !model.second.queue.empty() && !core::worker(model.second.state); };
  if (!wanted || !accepting || parts.clock.now() < warm_after || std::ranges::any_of(models, waits)) return;
  for (const auto& [id, entry] : catalogue.entries()) {
    const auto model = models.find(id);
    if (!entry->model.keep_warm || model == models.end() || core::worker(model->second.state)) continue;
    warm_files.hold(entry, scheduler.view().ledger.free(kHost), limit_on(host_config, host_total));
  }
  keep_sampling();
}

void Daemon::Impl::make_room_for(ModelId id) {
  if (warm_files.held() == Bytes{}) return;
  const auto model = scheduler.view().models.find(id);
  if (model == scheduler.view().models.end() || core::worker(model->second.state)) return;
  warm_files.give_up(id);
  const core::Placement& needed = model->second.measured.value_or(model->second.spec.placements.front());
  warm_files.give_way(core::bytes_on(needed, kHost) - scheduler.view().ledger.free(kHost));
}

// Others take more: what is kept warm goes before any worker.
void Daemon::Impl::give_way_to_others(const system::HostMemory& host) {
  const Bytes warm = warm_files.held();
  if (warm == Bytes{}) return;
  Bytes ours = warm_files.locked();
  for (const auto& [id, worker] : workers) {
    if (worker->tree() != 0) ours += system::tree_memory(worker->tree()).held();
  }
  const Bytes others = std::max(Bytes{}, host.total - host.available - ours);
  const Bytes offered = std::min(limit_on(host_config, host.total), host.total - others - host_config.reserve);
  const Bytes taken = scheduler.view().ledger.devices().at(kHost).held + warm;
  if (taken <= offered) return;
  warm_after = later(parts.clock.now(), kLeftToOthers);
  warm_files.give_way(taken - offered);
}

}  // namespace rouse::daemon
