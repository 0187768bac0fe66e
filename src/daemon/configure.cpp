// What the configuration says, handed to the core: at the start, and again when it is reloaded.
#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

core::Policy policy_of(const config::Policy& config) {
  core::Policy policy;
  policy.value =
      config.eviction == config::Eviction::lru ? &core::least_recently_used : &core::greedy_dual_size_frequency;
  policy.patience = config.patience;
  policy.slice = config.slice;
  policy.load_timeout = config.load_timeout;
  policy.shared_keep = config.shared_keep;
  return policy;
}

}  // namespace

std::vector<ModelId> Daemon::Impl::configure(const config::Config& config) {
  default_deadline = config.deadline;
  budgets = config.budgets;
  settle_after = config.policy.settle;
  core::CatalogueChanged change = catalogue.replace(config);
  change.policy = policy_of(config.policy);
  const auto host = system::host_memory();
  if (host) {
    host_config = config.budgets.host;
    host_total = host->total;
    change.budgets.push_back(host_budget());
  } else {
    parts.log.error("the machine's memory cannot be read: {}", host.error().message);
  }
  std::vector<ModelId> changed;
  changed.reserve(change.changed.size());
  for (const core::ModelSpec& spec : change.changed) {
    changed.push_back(spec.id);
    unusable.erase(spec.id);
    warm_files.forget(spec.id);
  }
  feed(std::move(change));
  for (const ModelId model : changed) recall(model);
  if (host) sample(*host);
  tell_of_gpus();
  std::vector<ModelId> removed;
  removed.reserve(catalogue.removed().size());
  for (const auto& [model, entry] : catalogue.removed()) {
    removed.push_back(model);
    warm_files.forget(model);
  }
  for (const ModelId model : removed) forget_if_gone(model);
  return changed;
}

void Daemon::Impl::forget_if_gone(ModelId model) {
  if (!catalogue.removed().contains(model) || scheduler.view().models.contains(model)) return;
  catalogue.forget(model);
  last_used.erase(model);
  loading_times.erase(model);
  loads_under_way.forget(model);
  unusable.erase(model);
}

std::vector<std::string> Daemon::reload(const config::Config& config) {
  std::vector<std::string> replaced;
  for (const ModelId model : impl_->configure(config)) {
    const auto& entry = impl_->catalogue.entry(model);
    if (entry->is_replaced()) replaced.push_back(entry->model.id);
    if (entry->model.preload) {
      impl_->begin_preload(core::Preload{model});
    } else if (entry->is_replaced()) {
      (void)impl_->look(entry);  // before anybody has to wait for it
    }
  }
  for (const auto& [model, why] : impl_->unusable) {  // perhaps they are of use now
    if (impl_->catalogue.entries().contains(model)) (void)impl_->look(impl_->catalogue.entry(model));
  }
  for (Observer* observer : impl_->observers) observer->on_config();
  return replaced;
}

}  // namespace rouse::daemon
