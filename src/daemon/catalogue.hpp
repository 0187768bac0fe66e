// The models by name: what the configuration says of each, and what the core is told.
//
// Owner: the daemon. Owner thread. Entries are shared with the workers that were started from them, so that a worker
// keeps its entry when the configuration changes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "config/config.hpp"
#include "core/events.hpp"
#include "core/model.hpp"
#include "daemon/groups.hpp"
#include "engine/engine.hpp"

namespace rouse::daemon {

// What an entry's files are now: a change makes a new revision, and what was learnt or estimated no longer holds.
struct FileIdentity {
  std::uint64_t hash = 0;  // of path, size and modification time of every file; 0: not looked at yet
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct Entry {
  ModelId id;
  config::Model model;
  const engine::Engine* engine = nullptr;
  std::uint64_t revision = 0;  // rises when a running worker is no longer what the entry asks for
  FileIdentity files;
  std::optional<engine::Estimate> estimate;  // when the configuration gives no footprint
  std::string served_by;                     // the header line of every answer that it gives
  std::string identity;                      // of engine, options and files; empty: they have not been looked at yet
  core::Learnt learnt;                       // in earlier lives, and in this one

  // Its files have been replaced, and not been looked at since: what was estimated is of those before.
  bool is_replaced() const { return files.hash == 0 && estimate.has_value(); }
  bool has_process() const { return engine->runs == engine::Runs::process; }
};

// Of an entry's files and options.
struct Measured {
  FileIdentity files;
  std::optional<engine::Estimate> estimate;
  std::string identity;
};

class Catalogue {
 public:
  // Takes a configuration's models and groups; what is the same as before keeps its id, and its revision, unless its
  // files have been replaced. Gives the core's event: only what differs. A removed entry stays to be seen until
  // forget().
  core::CatalogueChanged replace(const config::Config& config);

  std::optional<ModelId> find(std::string_view id_or_alias) const;
  const std::shared_ptr<const Entry>& entry(ModelId id) const { return entries_.at(id); }
  const std::map<ModelId, std::shared_ptr<const Entry>>& entries() const { return entries_; }  // shared with workers
  const std::map<ModelId, std::shared_ptr<const Entry>>& removed() const { return removed_; }  // shared with workers
  std::vector<std::string_view> names() const;                                                 // ids and aliases
  const Groups& groups() const { return groups_; }
  // The entry or, while its last worker ends, the removed one; null for neither.
  const Entry* seen(ModelId id) const;
  // A removed entry of which nothing is left.
  void forget(ModelId id) { removed_.erase(id); }

  // What the files are, and how large a worker is expected to be, as read by measure(): a new entry, and the event.
  core::CatalogueChanged learn(ModelId id, const Measured& measured);
  // Likewise what has been learnt of it.
  core::CatalogueChanged remember(ModelId id, core::Learnt learnt);

 private:
  core::ModelSpec spec(const Entry& entry) const;
  // The entry that the model was before, removed ones included.
  std::shared_ptr<const Entry> predecessor(const config::Model& model) const;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  Groups groups_;
  std::map<ModelId, std::shared_ptr<const Entry>> entries_;
  std::map<ModelId, std::shared_ptr<const Entry>> removed_;
  std::unordered_map<std::string, ModelId, Hash, std::equal_to<>> names_;
  std::uint64_t next_id_ = 1;
};

// Looks at an entry's files: reads headers, so it may take a hundred milliseconds on a cold disk; any thread.
// Fails with load_failed when they cannot be used.
FileIdentity identify(const Entry& entry);  // stats only: microseconds
Result<void> usable(const config::Model& model);
Result<Measured> measure(const Entry& entry);

}  // namespace rouse::daemon
