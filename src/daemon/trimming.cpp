// Caches that are dropped, by an operator's wish or before a worker would have to give way.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <format>

#include "daemon/impl.hpp"

namespace rouse::daemon {

http::Task<Result<Receipt>> Daemon::trim(ModelId model) {
  const std::string name(name_of(model));
  if (!impl_->catalogue.entry(model)->has_process())
    co_return fail(Code::conflict, std::format("model \"{}\" holds nothing here: another server runs it", name));
  if (const core::Stage now = stage(model); now != core::Stage::ready) {
    co_return fail(Code::conflict, std::format("model \"{}\" holds nothing that could be trimmed now: it is {}", name,
                                               core::name(now)));
  }
  // Leased, so that it is neither put to sleep nor stopped meanwhile.
  RequestOptions options;
  options.patience = core::Patience::only_if_ready;
  options.origin = core::Origin::operator_;
  auto ticket = co_await request(model, options);
  if (!ticket) co_return std::unexpected(std::move(ticket.error()));
  while (!co_await ticket->settled_by(kNever)) continue;
  auto lease = ticket->take();
  if (!lease) co_return std::unexpected(std::move(lease.error()));
  const TimePoint begun = impl_->parts.clock.now();
  const auto freed = co_await impl_->trim(lease->worker());
  lease->finish(core::Outcome::unused);
  if (!freed) co_return std::unexpected(freed.error());
  impl_->sample();
  co_return Receipt{.freed = {{kHost, *freed}}, .took = impl_->parts.clock.now() - begun, .reason = "trimmed"};
}

http::Task<Result<Bytes>> Daemon::Impl::trim(WorkerId id) {
  const auto worker = workers.find(id);
  if (worker == workers.end()) co_return fail(Code::conflict, "it has ended");
  const std::string name = worker->second->entry()->model.id;
  const int tree = worker->second->tree();
  const Bytes before = system::tree_memory(tree).held();
  if (const auto trimmed = co_await worker->second->trim(); !trimmed) co_return std::unexpected(trimmed.error());
  const Bytes freed = std::max(Bytes{}, before - system::tree_memory(tree).held());
  parts.log.info("{}: trimmed, {} came back", name, to_string(freed));
  co_return freed;
}

// Whatever comes of it, the core goes on from what the worker holds now.
http::Task<void> Daemon::Impl::trim_for_others(WorkerId id) {
  const auto freed = co_await trim(id);
  if (!freed) parts.log.warning("{}", in_full(freed.error()));
  const auto worker = workers.find(id);
  const core::Row* row = scheduler.view().ledger.find(id);
  if (worker != workers.end() && row) {
    Weight& weight = weights[id];
    weight.exact.reset();
    weight.tree = system::tree_memory(worker->second->tree());
    feed(core::FootprintMeasured{id, counted(*row, weight, *worker->second->entry())});
  }
  feed(core::Trimmed{id});
}

void Daemon::Impl::perform(const core::TrimWorker& effect) {
  // Ends with the worker's answer, which is awaited for a minute at most; the core goes on sooner.
  boost::asio::co_spawn(parts.io.get_executor(), trim_for_others(effect.worker), boost::asio::detached);
}

}  // namespace rouse::daemon
