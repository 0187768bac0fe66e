#include "daemon/catalogue.hpp"

#include <sys/stat.h>

#include <format>
#include <utility>

namespace rouse::daemon {
namespace {

const engine::Engine* engine_of(const config::Model& model) {
  struct Visitor {
    const engine::Engine* operator()(const config::Llama&) const { return engine::find_engine("llama"); }
    const engine::Engine* operator()(const config::Command&) const { return engine::find_engine("command"); }
    const engine::Engine* operator()(const config::Remote&) const { return engine::find_engine("remote"); }
  };
  return std::visit(Visitor{}, model.engine);
}

constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {  // FNV-1a over 64-bit words
  return (hash ^ value) * 0x100000001b3;
}

std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = mix(hash, static_cast<unsigned char>(c));
  return mix(hash, text.size());
}

// Of everything that a worker is started with, wherever that is.
std::uint64_t options_of(const Entry& entry) {
  std::uint64_t hash = kFnvBasis;
  const engine::Place somewhere{.socket = "/worker.sock", .port = 1};
  const auto command = entry.engine->command(entry.model, somewhere);
  if (!command) return hash;
  for (const auto* all : {&command->argv, &command->environment}) {
    for (const std::string& each : *all) hash = mix(hash, each);
  }
  return mix(hash, command->directory);
}

// For the core it is a worker that takes no bytes and stays: so it queues and is shared like any other.
core::ModelSpec spec_of_remote(const Entry& entry) {
  return core::ModelSpec{
      .id = entry.id,
      .revision = entry.revision,
      .placements = {core::Placement{}},
      .size_source = core::SizeSource::configured,
      .priority = entry.model.priority,
      .preload = true,
      .keep = core::Keep::forever(),
      .concurrency = entry.model.concurrency,
      .queue_limit = entry.model.queue_limit,
      .expected_load = Duration::zero(),
      .min_residency = Duration::zero(),
  };
}

// Its files are others than those that were looked at.
bool has_other_files(const Entry& entry) {
  return entry.has_process() && entry.files.hash != 0 && identify(entry) != entry.files;
}

}  // namespace

core::ModelSpec Catalogue::spec(const Entry& entry) const {
  const config::Model& model = entry.model;
  if (!entry.has_process()) return spec_of_remote(entry);
  core::Placement placement = model.footprint;
  if (placement.empty()) placement = {{kHost, entry.estimate ? entry.estimate->total() : Bytes{}}};
  if (placement.front().device != kHost) placement.insert(placement.begin(), {kHost, Bytes{}});  // until it is measured
  if (!model.group.empty()) placement.push_back({groups_.device(model.group), kPlaceInGroup});
  const engine::Contract contract = entry.engine->contract(model);
  core::ModelSpec spec{
      .id = entry.id,
      .revision = entry.revision,
      .placements = {std::move(placement)},
      .size_source = model.footprint.empty() ? core::SizeSource::estimated : core::SizeSource::configured,
      .priority = model.priority,
      .pinned = model.pinned,
      .preload = false,  // start_preloads asks for it, once the files have been looked at
      .keep = model.keep,
      .concurrency = model.concurrency,
      .queue_limit = model.queue_limit,
      .min_residency = model.min_residency,
      .stop_grace = contract.grace,
      .trims = contract.trim.has_value(),
  };
  spec.learnt = entry.learnt;
  if (contract.sleep) {
    spec.asleep = contract.sleep->footprint;
    spec.sleep_grace = contract.sleep->timeout;
    spec.keep_asleep = contract.sleep->keep;
  }
  return spec;
}

std::shared_ptr<const Entry> Catalogue::predecessor(const config::Model& model) const {
  const auto known = names_.find(model.id);
  if (known != names_.end() && entries_.at(known->second)->model.id == model.id) return entries_.at(known->second);
  for (const auto& [id, entry] : removed_) {
    if (entry->model.id == model.id) return entry;
  }
  return nullptr;
}

core::CatalogueChanged Catalogue::replace(const config::Config& config) {
  core::CatalogueChanged change;
  change.budgets = groups_.replace(config.groups);
  std::map<ModelId, std::shared_ptr<const Entry>> next;
  for (const config::Model& model : config.models) {
    const std::shared_ptr<const Entry> was = predecessor(model);  // shared with the worker it was started for
    const bool other_files = was && was->model == model && has_other_files(*was);
    if (was && was->model == model && entries_.contains(was->id) && !other_files) {
      next.emplace(was->id, was);
      continue;
    }
    auto entry = std::make_shared<Entry>(Entry{.id = was ? was->id : ModelId{next_id_++},
                                               .model = model,
                                               .engine = engine_of(model),
                                               .files = {},
                                               .estimate = {},
                                               .served_by = std::format("X-Rouse-Model: {}\r\n", model.id),
                                               .identity = {},
                                               .learnt = {}});
    if (was) {
      const bool same_process = was->model.engine == model.engine;
      const bool same_places = was->model.group == model.group;  // a worker stays in the group it was started in
      entry->revision = was->revision + (same_process && same_places && !other_files ? 0 : 1);
      if (same_process) {
        if (!other_files) {
          entry->files = was->files;
          entry->identity = was->identity;
          if (same_places && was->model.footprint == model.footprint) entry->learnt = was->learnt;
        }
        entry->estimate = was->estimate;
      }
    }
    change.changed.push_back(spec(*entry));
    next.emplace(entry->id, std::move(entry));
  }
  for (const auto& [id, entry] : std::exchange(entries_, std::move(next))) {
    if (entries_.contains(id)) continue;
    change.removed.push_back(id);
    removed_.emplace(id, entry);
  }
  names_.clear();
  for (const auto& [id, entry] : entries_) {
    removed_.erase(id);
    names_.emplace(entry->model.id, id);
    for (const std::string& alias : entry->model.aliases) names_.emplace(alias, id);
  }
  return change;
}

const Entry* Catalogue::seen(ModelId id) const {
  for (const auto* all : {&entries_, &removed_}) {
    if (const auto it = all->find(id); it != all->end()) return it->second.get();
  }
  return nullptr;
}

std::optional<ModelId> Catalogue::find(std::string_view id_or_alias) const {
  const auto it = names_.find(id_or_alias);
  if (it == names_.end()) return std::nullopt;
  return it->second;
}

std::vector<std::string_view> Catalogue::names() const {
  std::vector<std::string_view> names;
  names.reserve(names_.size());
  for (const auto& [name, id] : names_) names.push_back(name);
  return names;
}

core::CatalogueChanged Catalogue::learn(ModelId id, const Measured& measured) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return {};
  auto entry = std::make_shared<Entry>(*it->second);
  if (entry->files.hash != 0 && entry->files != measured.files) ++entry->revision;
  if (entry->identity != measured.identity) entry->learnt = {};
  entry->files = measured.files;
  entry->estimate = measured.estimate;
  entry->identity = measured.identity;
  core::CatalogueChanged change;
  change.changed.push_back(spec(*entry));
  it->second = std::move(entry);
  return change;
}

core::CatalogueChanged Catalogue::remember(ModelId id, core::Learnt learnt) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return {};
  auto entry = std::make_shared<Entry>(*it->second);
  entry->learnt = std::move(learnt);
  core::CatalogueChanged change;
  change.changed.push_back(spec(*entry));
  it->second = std::move(entry);
  return change;
}

FileIdentity identify(const Entry& entry) {
  std::uint64_t hash = kFnvBasis;
  for (const std::filesystem::path& file : entry.engine->files(entry.model)) {
    for (const char c : file.native()) hash = mix(hash, static_cast<unsigned char>(c));
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0) continue;
    hash = mix(hash, static_cast<std::uint64_t>(found.st_size));
    hash = mix(hash, static_cast<std::uint64_t>(found.st_mtim.tv_sec));
    hash = mix(hash, static_cast<std::uint64_t>(found.st_mtim.tv_nsec));
  }
  return FileIdentity{hash == 0 ? 1 : hash};
}

Result<void> usable(const config::Model& model) {
  auto estimate = engine_of(model)->estimate(model);
  if (!estimate) return std::unexpected(std::move(estimate.error()));
  return {};
}

Result<Measured> measure(const Entry& entry) {
  Measured measured{.files = identify(entry), .estimate = {}, .identity = {}};
  auto estimate = entry.engine->estimate(entry.model);
  if (!estimate) return std::unexpected(std::move(estimate.error()));
  measured.estimate = *estimate;
  measured.identity = std::format("{} {:016x} {:016x}", entry.engine->name, options_of(entry), measured.files.hash);
  return measured;
}

}  // namespace rouse::daemon
