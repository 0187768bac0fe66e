// Connections that have no end of their own, as WebSockets: a browser's page keeps one as long as it is shown. They
// keep their worker, but not from those who wait for its bytes: once it drains they are closed after a while, as if the
// application had been restarted, and whoever wants to go on connects again, and waits for a turn.
#include <vector>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr auto kGrace = std::chrono::seconds(5);

}  // namespace

void Daemon::Impl::watch_open_ended(const core::Announce& change) {
  if (change.from == core::Stage::draining) open_ended_until.erase(change.worker);
  if (change.to != core::Stage::draining) return;
  const WorkerId worker = change.worker;
  auto& timer = open_ended_until.try_emplace(worker, parts.io).first->second;
  timer.expires_after(kGrace);
  timer.async_wait([this, worker](const boost::system::error_code& error) {
    if (!error) cut_open_ended(worker);
  });
}

void Daemon::Impl::cut_open_ended(WorkerId worker) {
  std::vector<RequestId> those;
  for (const auto& [request, pending] : requests) {
    if (pending->worker == worker && pending->open_ended) those.push_back(request);
  }
  for (const RequestId request : those) {  // each may end others
    if (const auto it = requests.find(request); it != requests.end()) it->second->cut_off(Cut::gave_way);
  }
}

}  // namespace rouse::daemon
