// Does what the core decides: turns the world into events, feeds them to the scheduler, performs its effects.
//
// One owner thread, the one that runs the io_context; no mutexes. Blocking work (reading model files' headers) goes
// to a small pool and comes back. Owned by main, with everything it is given outliving it.
//
//   request → Submit ─▶ step ─▶ Admit / Refuse → ticket
//                        │ StartWorker → process, readiness probe → Loaded
//   process gone → Exited, BytesReturned ◀─ StopWorker, KillWorker
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "core/scheduler.hpp"
#include "daemon/catalogue.hpp"
#include "daemon/observer.hpp"
#include "daemon/reservations.hpp"
#include "daemon/stand_in.hpp"
#include "daemon/status.hpp"
#include "daemon/ticket.hpp"
#include "http/call.hpp"
#include "http/task.hpp"
#include "system/logger.hpp"
#include "system/process.hpp"
#include "system/runtime_dir.hpp"
#include "system/worker_log.hpp"

namespace rouse::daemon {

struct RequestOptions {
  ClientId client;  // whoever requests are shared out between fairly
  core::Priority priority = core::Priority::normal;
  std::optional<TimePoint> deadline;  // otherwise the configured one
  std::optional<core::Keep> keep;
  core::Patience patience = core::Patience::may_wait;
  core::Origin origin = core::Origin::client;
  std::optional<InPlaceOf> in_place_of;
  // For whoever looks at what runs; all of it outlives the ticket and its lease.
  std::string_view id = {};                  // X-Request-Id
  std::string_view client_name = {};         // who asks: a key's name, or an address
  const http::Exchange* exchange = nullptr;  // where the answer goes
};

class Daemon {
 public:
  struct Parts {
    boost::asio::io_context& io;
    const Clock& clock;
    system::Logger& log;
    system::Launcher& launcher;
    system::RuntimeDir& runtime;
    http::UpstreamPool& upstreams;
    std::string driver_library;   // of the GPUs: see system::GpuMeter
    std::filesystem::path state;  // the file in which what is learnt of models is kept; empty: it is not
  };
  Daemon(Parts parts, const config::Config& config);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void start_preloads();
  // Another configuration, without interrupting anything: a worker whose entry is changed or removed ends its answers
  // and then itself; all others stay. Gives the models whose files have been replaced since they were looked at: they
  // are changed, too.
  std::vector<std::string> reload(const config::Config& config);

  // --- requests ---------------------------------------------------------------------------------------------
  // unknown_model names the nearest ones.
  Result<ModelId> find(std::string_view id_or_alias) const;
  // Also of a removed one on its way out; empty once nothing is left of it.
  std::string_view name_of(ModelId id) const;
  const Entry& entry(ModelId id) const;
  // Asks for a lease. Looks at the model's files first where it is cold (load_failed if they are of no use).
  http::Task<Result<Ticket>> request(ModelId model, RequestOptions options);
  // Ready, with nobody before a request that comes now.
  bool can_answer_now(ModelId model) const;
  // Another model answers a request for this one, which is loaded meanwhile for those that follow. Ignored where it
  // need not be loaded, or cannot be now.
  void preload_for_fallback(ModelId model);
  // For whoever comes back later to ask again: the request goes on waiting in their place, and when it is admitted it
  // keeps that for them a little while. Nobody is seen to wait for it.
  void keep_waiting(Ticket ticket);

  // --- operators --------------------------------------------------------------------------------------------
  // Asks for a load, which then goes on by itself, and returns as soon as that has begun, or why it cannot; joins a
  // load under way. Whoever wants to wait for it makes a request of its own, with Origin::operator_.
  http::Task<Result<void>> begin_load(ModelId model, RequestOptions options);
  // Returns when the bytes are back, or known not to be.
  http::Task<Result<Receipt>> unload(ModelId model, core::Force force);
  // Has a loaded model's engine drop its caches and keep the weights; conflict if it cannot, or is not loaded. What
  // came back is the host's memory, as it was seen.
  http::Task<Result<Receipt>> trim(ModelId model);
  void pin(ModelId model, bool pinned);
  // What loads of it have shown, with whatever files and options, is no longer known, its failures included.
  void forget_learnt(ModelId model);
  // Returns when it is granted, or refused; whoever leaves before gives it up. Granted, it lasts as the wish says.
  http::Task<Result<ReservationStatus>> reserve(ReservationWish wish);
  // Returns as soon as it waits, is granted or has been refused.
  http::Task<Result<ReservationStatus>> begin_reservation(ReservationWish wish);
  Result<ReservationStatus> end_reservation(std::uint64_t id);  // as it was; not_found
  // Ends a request that waits or runs; gives it as it was. not_found for an id that nobody carries (any more), conflict
  // for one that several do: RequestStatus::id tells them apart.
  Result<RequestStatus> cancel(std::string_view request_id);
  // Refuses newcomers and whoever waits, drains, cuts at the deadline, ends all workers.
  void begin_shutdown(TimePoint deadline);
  http::Task<void> ended();  // returns when no worker is left, once shutdown has begun
  bool accepting() const;    // false once shutdown has begun

  // --- seeing -----------------------------------------------------------------------------------------------
  std::vector<ModelStatus> models() const;  // ascending by name; removed ones as long as they hold memory
  ModelStatus model(ModelId id) const;
  core::Stage stage(ModelId id) const;
  // Sees to it that model() can tell a footprint, and what was learnt: a model's files are looked at once, for a second
  // at most (a file system may not answer). Not done for all of them at the start, which could not be quick.
  http::Task<void> expect_footprint(ModelId id);
  std::vector<DeviceStatus> devices();  // the host as of now, the GPUs as they were last looked at
  http::Task<void> look_at_devices();   // returns when all of them have been
  system::WorkerLog& log_of(ModelId id);
  // What a waiting client is told: "loading 43 % eta 1.2 s".
  std::string progress(ModelId id) const;
  std::vector<DeviceStatus> devices_as_sampled() const;
  std::optional<DeviceId> find_device(std::string_view name) const;
  std::vector<ReservationStatus> reservations() const;  // that wait or are granted, ascending by arrival
  std::vector<GroupStatus> groups() const;              // ascending by name
  std::vector<RequestStatus> requests() const;          // that wait or run, ascending by arrival
  void observe(Observer& observer);
  // Loads, unloads and waiting requests that stand longer than their history and time-outs explain, in words; empty
  // while all is well (see core/overdue.hpp).
  std::vector<std::string> stuck() const;
  const Clock& clock() const;

 private:
  friend class Ticket;
  friend class Lease;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A refusal of the core in words: the error's code, a message for anybody and the sizes for an administrator.
struct Surroundings {
  std::span<const DeviceId> devices;  // that the machine has
  std::string_view unavailable = {};  // why refusal.device cannot be used, where it cannot
  std::string_view group = {};        // the name of refusal.device, where that is a group
  std::uint32_t max_loaded = 0;       // of it
};
Error to_error(const core::Refusal& refusal, std::string_view model, TimePoint now, const Surroundings& around);

}  // namespace rouse::daemon
