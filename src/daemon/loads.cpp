#include "daemon/loads.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "daemon/warming.hpp"
#include "system/host_memory.hpp"
#include "system/page_cache.hpp"
#include "system/tree_work.hpp"
#include "system/warming.hpp"

namespace rouse::daemon {
namespace {

using Files = std::vector<std::filesystem::path>;

constexpr Duration kOften = std::chrono::milliseconds(50);
constexpr Duration kSeldom = std::chrono::milliseconds(250);
constexpr std::size_t kWarmers = 2;  // files that are read at once

// Any thread.
LoadEvidence evidence_of(int tree, const Files& files, Bytes footprint) {
  const system::PageCache cache = system::page_cache(files);
  const system::TreeMemory memory = tree == 0 ? system::TreeMemory{} : system::tree_memory(tree);
  const system::TreeWork work = tree == 0 ? system::TreeWork{} : system::tree_work(tree);
  return {.files = cache.size,
          .cached = cache.cached,
          .resident = memory.anonymous + memory.shared + memory.file,
          .was_read = work.read,
          .worked = work.processor,
          .footprint = footprint};
}

}  // namespace

struct Loads::Seen {
  WorkerId worker;
  int tree = 0;
  Files files;
  LoadEvidence evidence;
};

Loads::~Loads() {
  for (auto& [worker, load] : loads_) load.warming.request_stop();
  if (warmers_) warmers_->join();
}

void Loads::begin(Order order) {
  const WorkerId worker = order.worker;
  const TimePoint now = parts_.clock.now();
  const std::shared_ptr<const Entry> entry = order.entry;  // shared with the worker
  const Bytes footprint = order.footprint;
  const std::optional<Duration> usual = order.usual;
  const auto failed_at = failed_at_.extract(entry->id);
  const double least = order.again && failed_at ? failed_at.mapped() : 0;
  loads_.insert_or_assign(worker, Load{.order = std::move(order), .progress = Progress(now, usual, least)});
  boost::asio::post(parts_.pool, [this, worker, entry, footprint] {
    Files files = system::regular_files(entry->engine->files(entry->model));
    const LoadEvidence first = evidence_of(0, files, footprint);
    boost::asio::post(parts_.io, [this, worker, files = std::move(files), first]() mutable {
      found(worker, std::move(files), first);
    });
  });
}

void Loads::found(WorkerId worker, Files files, const LoadEvidence& first) {
  const auto it = loads_.find(worker);
  if (it == loads_.end()) return;
  Load& load = it->second;
  load.files = std::move(files);
  const auto known = known_.find(load.order.entry->id);
  const bool of_this = known != known_.end() && known->second.revision == load.order.entry->revision;
  load.progress.begin(first, of_this ? known->second.courses : LoadCourses(), load.order.times);
  if (worth_warming(load.order.entry->model, {.size = first.files, .cached = first.cached})) warm(load);
  look_later();
}

void Loads::warm(Load& load) {
  if (!warmers_) warmers_.emplace(kWarmers);
  boost::asio::post(*warmers_, [&log = parts_.log, entry = load.order.entry, files = *load.files,
                                stop = load.warming.get_token(), reserve = load.order.reserve] {
    const auto room = [reserve] {
      const auto host = system::host_memory();
      return host ? host->available - reserve : Bytes{};
    };
    const system::Warmed warmed = system::warm(files, room, stop);
    log.write(system::Level::debug, std::format("{}: {} read ahead{}", entry->model.id, to_string(warmed.read),
                                                stop.stop_requested() ? ", until its load ended" : ""));
  });
}

std::optional<Loads::Ended> Loads::end(WorkerId worker, End how) {
  const auto it = loads_.find(worker);
  if (it == loads_.end()) return std::nullopt;
  Load& load = it->second;
  load.warming.request_stop();
  const Ended ended{.took = parts_.clock.now() - load.progress.since(), .cold = load.progress.cold()};
  if (how == End::ready && load.files) {
    const Entry& entry = *load.order.entry;
    Known& known = known_[entry.id];
    if (known.revision != entry.revision) known = {.revision = entry.revision, .courses = {}};
    known.courses.add(std::move(load.progress).ended(parts_.clock.now()));
  } else if (how == End::otherwise) {
    failed_at_[load.order.entry->id] = load.progress.at(parts_.clock.now()).done;
  }
  loads_.erase(it);
  return ended;
}

void Loads::forget(ModelId model) {
  known_.erase(model);
  failed_at_.erase(model);
}

std::optional<Progress::Estimate> Loads::progress(WorkerId worker) {
  const auto it = loads_.find(worker);
  if (it == loads_.end()) return std::nullopt;
  return it->second.progress.at(parts_.clock.now());
}

// The youngest load says how often: its end may be near.
void Loads::look_later() {
  if (looking_ || loads_.empty()) return;
  looking_ = true;
  Duration every = kSeldom;
  for (const auto& [worker, load] : loads_) every = std::min(every, (parts_.clock.now() - load.progress.since()) / 50);
  timer_.expires_after(std::max(every, kOften));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

void Loads::look() {
  std::vector<Seen> all;
  for (const auto& [worker, load] : loads_) {
    if (!load.files) continue;
    Seen& seen =
        all.emplace_back(Seen{.worker = worker, .tree = load.order.tree(), .files = *load.files, .evidence = {}});
    seen.evidence.footprint = load.order.footprint;
  }
  boost::asio::post(parts_.pool, [this, all = std::move(all)]() mutable {
    for (Seen& seen : all) seen.evidence = evidence_of(seen.tree, seen.files, seen.evidence.footprint);
    boost::asio::post(parts_.io, [this, all = std::move(all)] { looked(all); });
  });
}

void Loads::looked(const std::vector<Seen>& all) {
  looking_ = false;
  const TimePoint now = parts_.clock.now();
  for (const Seen& seen : all) {
    const auto it = loads_.find(seen.worker);
    if (it == loads_.end()) continue;
    Load& load = it->second;
    load.progress.see(now, seen.evidence);
    if (now < later(load.told, kSeldom)) continue;
    load.told = now;
    has_moved_(load.order.entry->id);
  }
  look_later();
}

}  // namespace rouse::daemon
