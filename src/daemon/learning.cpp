// What loads show is noted where it is seen, kept in the store, and told to the core as soon as it is known whose files
// it is about.
#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr Duration kAwaitPast = std::chrono::milliseconds(250);  // before a load goes on without it

}  // namespace

void Daemon::Impl::await_past() const { store.await_read(kAwaitPast); }

std::string Daemon::Impl::lasting_name(DeviceId device) const {
  const system::Gpu* gpu = gpus.find(device);
  return gpu && !gpu->uuid.empty() ? gpu->uuid : device_name(device);
}

BytesByDevice Daemon::Impl::by_lasting_name(const core::Placement& placement) const {
  BytesByDevice named;
  for (const auto& [device, bytes] : memory_of(placement)) named[lasting_name(device)] = bytes;
  return named;
}

std::optional<LearntKey> Daemon::Impl::learnt_key(const Entry& entry) const {
  const auto known = scheduler.view().models.find(entry.id);
  if (entry.identity.empty() || known == scheduler.view().models.end()) return std::nullopt;
  LearntKey key{.model = entry.model.id, .identity = entry.identity, .placement = {}};
  std::set<std::string> devices;
  for (const auto& [device, bytes] : known->second.spec.placements.front()) {
    if (!is_group(device)) devices.insert(lasting_name(device));
  }
  for (const std::string& device : devices) key.placement += (key.placement.empty() ? "" : ",") + device;
  return key;
}

const LearntRecord* Daemon::Impl::learnt(const Entry& entry) const {
  const auto key = learnt_key(entry);
  const auto found = key ? past.find(*key) : past.end();
  return found == past.end() ? nullptr : &found->second;
}

std::optional<LearntRecord> Daemon::Impl::shown_learnt(const Entry& entry) const {
  const LearntRecord* const record = learnt(entry);
  if (!record) return std::nullopt;
  LearntRecord shown = *record;
  for (const auto& [device, bytes] : scheduler.view().models.at(entry.id).spec.placements.front()) {
    for (BytesByDevice* each : {&shown.footprint, &shown.peak, &shown.needed}) {
      auto found = each->extract(lasting_name(device));
      if (found.empty()) continue;
      found.key() = device_name(device);
      each->insert(std::move(found));
    }
  }
  return shown;
}

void Daemon::Impl::note(const Entry& entry, const std::function<void(LearntRecord&)>& change) {
  const auto key = learnt_key(entry);
  if (!key || !entry.has_process()) return;
  LearntRecord& record = past[*key];
  change(record);
  if (const auto used = last_used.find(entry.id); used != last_used.end())
    record.last_used = std::chrono::duration_cast<std::chrono::seconds>(used->second.time_since_epoch()).count();
  store.write(*key, record);
  recall(entry.id);
}

std::optional<core::Placement> Daemon::Impl::placed(const BytesByDevice& bytes, core::Placement placement) const {
  for (core::DeviceBytes& share : placement) {
    if (is_group(share.device)) continue;
    const auto known = bytes.find(lasting_name(share.device));
    if (known == bytes.end()) return std::nullopt;
    share.bytes = known->second;
  }
  return placement;
}

void Daemon::Impl::recall(ModelId id) {
  const auto entry = catalogue.entries().find(id);
  if (entry == catalogue.entries().end() || !entry->second->has_process()) return;
  core::Learnt learnt;
  if (const LearntRecord* record = Impl::learnt(*entry->second)) {
    const core::Learnt& before = entry->second->learnt;
    const core::Model& model = scheduler.view().models.at(id);
    // What the core has seen itself is newer.
    learnt.load = model.load_time != before.load ? before.load : record->load.at(0);
    learnt.wake = model.wake_time != before.wake ? before.wake : record->wake;
    learnt.footprint = placed(record->footprint, model.spec.placements.front());
    learnt.needed = placed(record->needed, model.spec.placements.front());
    if (record->last_used > 0)
      last_used.try_emplace(id, std::chrono::system_clock::time_point(std::chrono::seconds(record->last_used)));
  }
  if (learnt != entry->second->learnt) feed(catalogue.remember(id, std::move(learnt)));
}

void Daemon::Impl::take_past(LearntRecords records) {
  if (records.empty()) return;
  for (auto& [key, record] : records) past.try_emplace(key, std::move(record));  // what has been seen since is newer
  std::vector<ModelId> models;
  for (const auto& [id, entry] : catalogue.entries()) models.push_back(id);
  for (const ModelId id : models) recall(id);
}

void Daemon::Impl::note_settled(const Entry& entry, Weight& weight, const core::Placement& bytes) {
  const BytesByDevice named = by_lasting_name(core::larger(weight.settled, bytes));  // a trim makes it need no less
  if (weight.noted == named) return;
  weight.settled = core::larger(weight.settled, bytes);
  weight.noted = named;
  note(entry, [&](LearntRecord& record) {
    record.holds(by_lasting_name(weight.peak));
    record.footprint = named;
  });
}

void Daemon::Impl::note_transition(const core::Announce& change, const std::optional<Loads::Ended>& load) {
  auto entry = entry_of(change.worker);
  const auto present = catalogue.entries().find(change.model);
  if (!entry && present != catalogue.entries().end()) entry = present->second;  // its worker has ended, or never began
  if (!entry) return;
  const auto model = scheduler.view().models.find(change.model);
  if (load && change.to == core::Stage::ready)
    note(*entry, [&](LearntRecord& record) { record.loaded(load->took, load->cold); });
  else if (change.from == core::Stage::waking && change.to == core::Stage::ready &&
           model != scheduler.view().models.end() && model->second.wake_time)
    note(*entry, [&](LearntRecord& record) { record.woken(*model->second.wake_time); });
  else if (change.to == core::Stage::failed)
    note(*entry, [](LearntRecord& record) { record.failed(); });
}

void Daemon::Impl::note_end(const Entry& entry, const Weight& weight, bool ran_out) {
  note(entry, [&](LearntRecord& record) {
    record.holds(by_lasting_name(weight.peak));
    const auto model = scheduler.view().models.find(entry.id);
    if (ran_out && model != scheduler.view().models.end() && model->second.needs)
      record.ran_out(by_lasting_name(*model->second.needs));
  });
}

void Daemon::forget_learnt(ModelId id) {
  const Entry& entry = *impl_->catalogue.entry(id);
  std::erase_if(impl_->past, [&](const auto& each) { return each.first.model == entry.model.id; });
  impl_->store.forget(entry.model.id);
  impl_->loads_under_way.forget(id);
  impl_->recall(id);
  impl_->feed(core::Forget{id});
}

}  // namespace rouse::daemon
