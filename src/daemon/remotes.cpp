// Models that other servers run: nothing is started for them, and a server that fails again and again is left alone for
// a while.
#include <format>
#include <utility>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr Duration kUntilItIsKnown = std::chrono::seconds(1);  // whether the one that was let through is answered

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

bool Daemon::Impl::end_remote(WorkerId id) {
  const auto it = remotes.find(id);
  if (it == remotes.end()) return false;
  const ModelId model = it->second.entry->id;
  remotes.erase(it);
  feed(core::Exited{id, {}});
  feed(core::BytesReturned{id});
  feed(core::Preload{model});  // always ready: if it was changed, as what it is now
  return true;
}

std::optional<Barred> Daemon::Impl::enter_circuit(Pending& pending) {
  const auto it = remotes.find(pending.worker);
  if (it == remotes.end()) return std::nullopt;
  CircuitBreaker& circuit = it->second.circuit;
  const TimePoint now = parts.clock.now();
  pending.pass = circuit.enter(now);
  if (pending.pass) return std::nullopt;
  const bool open = circuit.state() == CircuitBreaker::State::open;
  const TimePoint retry_at = open ? circuit.retry_at() : later(now, kUntilItIsKnown);
  const Error& last = circuit.last_failure();
  return Barred{
      {Code::unavailable,
       std::format("the server behind model \"{}\" is not asked now, since it has failed {} times in a row ({}); "
                   "it is asked again in {:.1f} s",
                   it->second.entry->model.id, circuit.failures(), last.message, seconds(retry_at - now)),
       last.context},
      retry_at};
}

void Daemon::Impl::leave_circuit(Pending& pending, CircuitBreaker::Verdict verdict, Error why) {
  const CircuitBreaker::Pass pass = *std::exchange(pending.pass, std::nullopt);
  const auto it = remotes.find(pending.worker);
  if (it == remotes.end()) return;
  auto& [entry, circuit] = it->second;
  const TimePoint now = parts.clock.now();
  if (!circuit.leave(pass, verdict, now, std::move(why))) return;
  if (circuit.state() == CircuitBreaker::State::closed) {
    parts.log.info("{}: circuit closed: its server answers again", entry->model.id);
  } else {
    parts.log.warning("{}: circuit open after {} failures in a row: {}; its server is asked again in {:.1f} s",
                      entry->model.id, circuit.failures(), in_full(circuit.last_failure()),
                      seconds(circuit.retry_at() - now));
  }
  for (Observer* observer : observers) observer->on_circuit(pending.model);
}

}  // namespace rouse::daemon
