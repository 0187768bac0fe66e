#include "daemon/warm_files.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "system/page_cache.hpp"

namespace rouse::daemon {
namespace {

std::vector<std::filesystem::path> files_of(const Entry& entry) {  // any thread
  return system::regular_files(entry.engine->files(entry.model));
}

}  // namespace

WarmFiles::~WarmFiles() {
  for (auto& [model, hold] : holds_) hold.stop.request_stop();
  if (pool_) pool_->join();
}

boost::asio::thread_pool& WarmFiles::pool() {
  if (!pool_) pool_.emplace(1);
  return *pool_;
}

Bytes WarmFiles::held() const {
  Bytes sum;
  for (const auto& [model, hold] : holds_) sum += hold.size;
  return sum;
}

Bytes WarmFiles::locked() const { return Bytes{*locked_}; }

void WarmFiles::hold(const std::shared_ptr<const Entry>& entry, Bytes free, Bytes most) {
  const ModelId model = entry->id;
  if (busy_ || holds_.contains(model) || failed_.contains(model)) return;
  if (const auto size = sizes_.find(model); size != sizes_.end()) {
    if (size->second > most && too_large_.insert(model).second)
      parts_.log.warning("{}: its files cannot be kept warm: they are {}, and models may have {} at most",
                         entry->model.id, to_string(size->second), to_string(most));
    if (size->second > free) return;
    holds_.emplace(model, Hold{.size = size->second, .since = next_++, .entry = entry});
    lock(model);
    return changed_();
  }
  busy_ = true;
  boost::asio::post(pool(), [this, entry] {
    const Bytes size = system::page_cache(files_of(*entry)).size;
    boost::asio::post(parts_.io, [this, model = entry->id, size] {
      busy_ = false;
      sizes_[model] = size;
      changed_();
    });
  });
}

void WarmFiles::lock(ModelId model) {
  busy_ = true;
  const Hold& hold = holds_.at(model);
  boost::asio::post(
      pool(), [this, model, count = locked_, entry = hold.entry, since = hold.since, stop = hold.stop.get_token()] {
        auto files = system::LockedFiles::lock(files_of(*entry), count, stop);
        boost::asio::post(parts_.io, [this, model, since, files = std::move(files)]() mutable {
          locked(model, since, std::move(files));
        });
      });
}

void WarmFiles::locked(ModelId model, std::uint64_t since, Result<system::LockedFiles> files) {
  busy_ = false;
  const auto hold = holds_.find(model);
  if (hold == holds_.end() || hold->second.since != since) {  // given up meanwhile
    if (files) boost::asio::post(pool(), [unlocked = std::move(*files)] {});
    return;
  }
  const std::string& name = hold->second.entry->model.id;
  if (files && files->size() != hold->second.size) {  // they are others than those that were looked at
    boost::asio::post(pool(), [unlocked = std::move(*files)] {});
    return release(hold);
  }
  if (files) {
    hold->second.files.emplace(std::move(*files));
    parts_.log.info("{}: {} of its files are kept warm", name, to_string(hold->second.size));
    return changed_();
  }
  parts_.log.warning("{}: its files cannot be kept warm: {}", name, in_full(files.error()));
  failed_.insert(model);
  holds_.erase(hold);
  changed_();
}

void WarmFiles::release(std::map<ModelId, Hold>::iterator hold) {
  hold->second.stop.request_stop();
  if (hold->second.files) boost::asio::post(pool(), [unlocked = std::move(*hold->second.files)] {});
  sizes_.erase(hold->first);  // they may be others when they are held again
  holds_.erase(hold);
  changed_();
}

void WarmFiles::give_up(ModelId model) {
  if (const auto hold = holds_.find(model); hold != holds_.end()) release(hold);
}

void WarmFiles::give_way(Bytes needed) {
  while (needed > Bytes{} && !holds_.empty()) {
    const auto latest = std::ranges::max_element(holds_, {}, [](const auto& hold) { return hold.second.since; });
    needed -= latest->second.size;
    release(latest);
  }
}

void WarmFiles::forget(ModelId model) {
  give_up(model);
  sizes_.erase(model);
  failed_.erase(model);
  too_large_.erase(model);
}

}  // namespace rouse::daemon
