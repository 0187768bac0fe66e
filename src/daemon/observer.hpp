// Who hears of what happens, while it happens: metrics and events.
//
// Registered with Daemon::observe before anything runs, and outlives the daemon's last call. Called on the owner thread
// in the middle of a step: an observer takes note and returns; it may look at the daemon, and asks it for nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "core/effects.hpp"
#include "daemon/reservations.hpp"
#include "daemon/stand_in.hpp"
#include "daemon/status.hpp"
#include "daemon/ticket.hpp"

namespace rouse::daemon {

enum class RequestStep : std::uint8_t { queued, started, ended };  // one that need not wait is never queued

enum class Ending : std::uint8_t {
  none,       // it has not ended
  ok,         // answered
  failed,     // broke off
  refused,    // by the core: `reason`
  unused,     // nothing was asked of the worker; it may come again
  abandoned,  // its client left while it waited
  cancelled,  // by an operator
};

std::string_view name(Ending ending);

struct RequestNews {
  RequestStep step = RequestStep::queued;
  RequestId request;
  std::string_view id;                   // X-Request-Id
  std::string_view client;               // who asks
  ModelId model;                         // that is to answer
  std::optional<InPlaceOf> in_place_of;  // of which other one
  Ending ending = Ending::none;
  bool started = false;                          // it had a worker
  core::Reason reason = core::Reason::deadline;  // of a refused one
  Waited waited;                                 // once it waits no longer
  std::optional<Duration> first_byte;            // from its start, once there was one
  Duration whole{};                              // once ended: since its submission
  std::uint64_t bytes = 0;                       // of the answer, to the client
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_transition(const core::Announce& transition) = 0;
  virtual void on_receipt(ModelId model, WorkerId worker, const Receipt& receipt) = 0;  // of every worker that ended
  virtual void on_request(const RequestNews& news) = 0;                                 // of clients, not of operators
  virtual void on_reservation(const ReservationStatus& reservation, ReservationStep step) = 0;
  virtual void on_sample() = 0;                 // the machine's memory was looked at
  virtual void on_config() = 0;                 // the catalogue is another now
  virtual void on_circuit(ModelId model) = 0;   // a remote one's was opened or closed
  virtual void on_progress(ModelId model) = 0;  // its load has been looked at: a few times a second
};

}  // namespace rouse::daemon
