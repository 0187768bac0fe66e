// Noticing that the processes of a program hold the same weights, each for itself.
//
// Once a worker has answered, nobody asks it anything and it has not grown for a while, its processes are looked at one
// by one; and again when they have grown since, as some load the model only when they are asked. Each look means a
// tenth more than at the one before, so that there are few.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <format>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr Duration kSettled = std::chrono::seconds(1);

bool is_more(Bytes than, Bytes held) { return held.count > than.count + than.count / 10; }

}  // namespace

void Daemon::Impl::look_for_duplicates(WorkerId id, Bytes held) {
  const Worker& worker = *workers.at(id);
  if (!std::holds_alternative<config::Command>(worker.entry()->model.engine)) return;
  Holding& holding = holdings[id];
  const TimePoint now = parts.clock.now();
  if (is_more(holding.size, held)) {
    holding.size = held;
    holding.since = now;
  }
  if (holding.looking || now < later(holding.since, kSettled) || !is_more(holding.looked_at, held)) return;
  const auto model = scheduler.view().models.find(worker.entry()->id);
  const auto* ready = model == scheduler.view().models.end() ? nullptr : std::get_if<core::Ready>(&model->second.state);
  if (!ready || ready->worker.id != id || ready->worker.frequency == 0 || !ready->worker.leases.empty()) return;
  holding.looked_at = held;
  holding.looking = true;
  boost::asio::post(pool, [this, id, tree = worker.tree()] {
    boost::asio::post(parts.io, [this, id, sizes = system::private_bytes(tree)] { looked_for_duplicates(id, sizes); });
  });
}

void Daemon::Impl::looked_for_duplicates(WorkerId id, const std::vector<Bytes>& sizes) {
  const auto worker = workers.find(id);
  if (worker == workers.end()) return;
  Holding& holding = holdings.at(id);
  holding.looking = false;
  const bool told = std::exchange(holding.duplicates, system::find_duplicates(sizes)).has_value();
  const Entry& entry = *worker->second->entry();
  if (told) return;
  if (!holding.duplicates) {
    const Bytes largest = sizes.empty() ? Bytes{} : std::ranges::max(sizes);
    return parts.log.write(system::Level::debug, std::format("{}: {} processes, of which one holds {} by itself",
                                                             entry.model.id, sizes.size(), to_string(largest)));
  }
  const std::string line =
      std::format("{}: each seems to have loaded the model for itself; one process with threads would hold it once",
                  to_string(*holding.duplicates));
  parts.log.warning("{}: {}", entry.model.id, line);
  log_of(entry.id).note(line);
}

}  // namespace rouse::daemon
