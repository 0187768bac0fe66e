// The daemon's inside: shared by daemon.cpp (requests and operators), effects.cpp (what the core wants done) and
// seeing.cpp (status). Nobody else includes this.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/daemon.hpp"
#include "daemon/gpu_watch.hpp"
#include "daemon/gpus.hpp"
#include "daemon/learnt_store.hpp"
#include "daemon/loading_time.hpp"
#include "daemon/loads.hpp"
#include "daemon/observer.hpp"
#include "daemon/pending.hpp"
#include "daemon/service_time.hpp"
#include "daemon/warm_files.hpp"
#include "daemon/worker.hpp"
#include "system/duplicates.hpp"
#include "system/host_memory.hpp"
#include "system/ports.hpp"

namespace rouse::daemon {

class Daemon::Impl final : public Desk {
 public:
  Impl(Parts parts, const config::Config& config);
  ~Impl() override;

  // --- events: each is one transaction; those that performing effects brings wait until it is over ------------
  void feed(core::Event event);
  void step(const core::Event& event);

  // --- Desk ---------------------------------------------------------------------------------------------------
  void abandon(RequestId request) override;
  void finish(RequestId request, core::Outcome outcome) override;
  Waited waited(const Pending& pending) const override;
  void doubt(Pending& pending) override;
  Error explain(const core::Refusal& refusal, ModelId model) const override;
  std::optional<Barred> enter_circuit(Pending& pending) override;
  void leave_circuit(Pending& pending, CircuitBreaker::Verdict verdict, Error why) override;
  boost::asio::io_context::executor_type executor() const override { return parts.io.get_executor(); }

  // --- remotes.cpp ----------------------------------------------------------------------------------------------
  bool end_remote(WorkerId id);  // false: it is none

  // --- effects.cpp ----------------------------------------------------------------------------------------------
  void perform(const core::StartWorker& effect);
  void perform(const core::StopWorker& effect);
  void perform(const core::KillWorker& effect);
  void perform(const core::TrimWorker& effect);
  void perform(const core::SleepWorker& effect);
  void perform(const core::WakeWorker& effect);
  void perform(const core::Admit& effect);
  void perform(const core::Refuse& effect);
  void perform(const core::CutLease& effect);
  void perform(const core::Unloaded& effect);
  void perform(const core::Returned& effect);
  void perform(const core::WakeAt& effect);
  void perform(const core::Announce& effect);
  void perform(const core::ShutdownComplete& effect);
  void worker_gone(WorkerId id, std::string why);
  http::Task<void> slept(WorkerId id);
  std::shared_ptr<const Entry> entry_of(WorkerId id) const;
  Upstream upstream_of(WorkerId id, const Entry& entry) const;

  // --- seeing.cpp ----------------------------------------------------------------------------------------------
  std::optional<Progress::Estimate> progress(const core::Model& model);  // while it loads, or wakes
  // When another try may be of use after this refusal; kNever if that is not known.
  TimePoint retry_at(core::Reason reason, ModelId model);
  std::string drains_for(const core::Model& model) const;
  void log_transition(const core::Announce& change) const;

  // --- requests.cpp ---------------------------------------------------------------------------------------------
  void tell(const Pending& pending, RequestStep step, Ending ending = Ending::none) const;
  RequestStatus status(const Pending& pending) const;

  // --- duplicates.cpp -------------------------------------------------------------------------------------------
  void look_for_duplicates(WorkerId worker, Bytes held);  // by its whole tree, just now
  void looked_for_duplicates(WorkerId worker, const std::vector<Bytes>& sizes);

  // --- reservations.cpp -----------------------------------------------------------------------------------------
  struct Reservation;
  Result<std::shared_ptr<Reservation>> ask_for(ReservationWish wish);  // shared with `reservations`
  void tell(const Reservation& reservation, ReservationStep step) const;
  void end(Reservation& reservation, ReservationStep how);
  // What its processes use: of the host's memory, and which they are.
  Error explain(const core::Refusal& refusal, const ReservationWish& wish) const;
  void add_holders(core::DeviceMeasured& host) const;
  static void add_holder(const Reservation& reservation, Gpus::Roots& roots);
  // Whether the effect speaks of one: then it is done.
  bool is_granted(const core::Admit& effect);
  bool is_refused(const core::Refuse& effect);
  bool is_over(const core::CutLease& effect);

  // --- open_ended.cpp -------------------------------------------------------------------------------------------
  void watch_open_ended(const core::Announce& change);
  void cut_open_ended(WorkerId worker);

  // --- trimming.cpp ---------------------------------------------------------------------------------------------
  // Has the worker drop its caches; what of the host's memory came back. Cut short, it has failed.
  http::Task<Result<Bytes>> trim(WorkerId worker);
  http::Task<void> trim_for_others(WorkerId worker);

  // --- places.cpp -----------------------------------------------------------------------------------------------
  http::Task<void> keep_waiting(Ticket ticket);
  bool nobody_asks_for(ModelId model) const;  // but those whose places are kept
  void look_at_places(ModelId model);         // whether they are to be kept any longer

  // --- keep_warm.cpp --------------------------------------------------------------------------------------------
  core::Budget host_budget() const;  // of what is not kept warm
  void keep_warm();                  // what is cold, as far as there is room that nobody wants
  // It is to be loaded, if it is not: in place of files that are kept warm, rather than of a worker.
  void make_room_for(ModelId model);
  void give_way_to_others(const system::HostMemory& host);

  // --- sampling.cpp ---------------------------------------------------------------------------------------------
  void sample();  // what the host's memory is like now
  void sample(const system::HostMemory& host);
  void tell_of_stray(WorkerId worker, DeviceId device);
  bool has_oom_killed();
  bool answers(ModelId model) const;
  void feel_pressure();
  // Returns when the devices of the placement have been looked at, from now on.
  http::Task<void> sampled(core::Placement on);
  void look_at_gpus();
  void saw_gpus(GpuWatch::Look look, GpuWatch::Gpus seen);
  void take_gpus(std::vector<system::Gpu> seen);
  void lose_gpus(const std::string& why);
  void tell_of_gpus();
  void be_patient_with_driver();
  std::optional<Duration> pace() const;
  void keep_sampling();  // while there is need

  // --- footprints.cpp -------------------------------------------------------------------------------------------
  struct Weight {                                // what a worker holds
    system::TreeMemory tree;                     // by cheap counters, as last seen
    int processes = 0;                           // in it, at the last sample
    std::optional<system::TreeMemory> exact;     // once it has settled
    system::TreeMemory exact_by_counters;        // what they said at the same time
    std::map<DeviceId, Bytes> gpus;              // that attribute it; nothing until they are looked at anew …
    GpuWatch::Look ready_at = 0;                 // … with a later look than this, as it was loading by then
    std::map<DeviceId, Bytes> gpus_used_before;  // by everybody, when it was started
    std::set<DeviceId> strays;                   // that it takes of without having been given any; this was told
    core::Stage stage = core::Stage::cold;       // when it was last weighed
    core::Placement last;                        // what was found then
    TimePoint still_since;                       // when that was last seen to change
    bool looking = false;                        // exactly
    core::Placement says;                        // that it takes at most: its program
    core::Placement peak;                        // the most that was found
    core::Placement settled;                     // the most that was found when it stood still
    BytesByDevice noted;                         // … and has been noted

    Bytes held() const;    // given back only by its end
    Bytes mapped() const;  // file pages beside that
  };
  static core::Placement weighed(const core::Row& row, const Weight& weight, const Entry& entry);
  static core::Placement counted(const core::Row& row, const Weight& weight, const Entry& entry);  // against budgets
  void take_estimate(WorkerId worker, const Result<core::Placement>& says);
  void weigh(WorkerId worker);
  void look_exactly(WorkerId worker);

  // --- learning.cpp ---------------------------------------------------------------------------------------------
  void await_past() const;  // on the pool: until what was learnt has been read, or for a moment
  std::string lasting_name(DeviceId device) const;
  BytesByDevice by_lasting_name(const core::Placement& placement) const;
  std::optional<core::Placement> placed(const BytesByDevice& bytes, core::Placement placement) const;
  std::optional<LearntKey> learnt_key(const Entry& entry) const;       // nothing until its files have been looked at
  const LearntRecord* learnt(const Entry& entry) const;                // null: nothing
  std::optional<LearntRecord> shown_learnt(const Entry& entry) const;  // its devices by their present names
  void note(const Entry& entry, const std::function<void(LearntRecord&)>& change);
  void note_settled(const Entry& entry, Weight& weight, const core::Placement& bytes);
  void note_transition(const core::Announce& change, const std::optional<Loads::Ended>& load);
  void note_end(const Entry& entry, const Weight& weight, bool ran_out);
  void take_past(LearntRecords records);
  void recall(ModelId model);  // tells the core

  // --- receipts.cpp ---------------------------------------------------------------------------------------------
  void see_held(WorkerId worker);
  void see_gpus_anew(WorkerId worker);
  void note_held(WorkerId worker, const Entry& entry);
  void before_end(WorkerId worker);  // that is told to
  Receipt receipt(WorkerId worker, const core::Placement& freed, const core::Placement& missing) const;
  std::map<WorkerId, core::Placement> held_at_end;  // of those whose bytes are to come back

  // --- returning.cpp --------------------------------------------------------------------------------------------
  void expect_bytes(WorkerId worker);
  void see_bytes_return();

  // --- configure.cpp --------------------------------------------------------------------------------------------
  // Takes the configuration, the first one or another; gives the models that are new or changed.
  std::vector<ModelId> configure(const config::Config& config);
  void forget_if_gone(ModelId model);  // a removed entry, once the core has no more use for it

  // --- daemon.cpp -----------------------------------------------------------------------------------------------
  bool may_be_started(ModelId model) const;  // by a request
  // Returns when the model's files have been looked at, if they have to be.
  http::Task<Result<void>> look_at_files(ModelId model);
  // Is the entry, though perhaps not the present one, about the same files read in the same way?
  bool asks_for(ModelId model, const Entry& entry) const;
  void begin_preload(core::Preload event);
  http::Task<void> preload(core::Preload event);
  void tell_of_preload(ModelId model) const;
  Pending pending(ModelId model, const RequestOptions& options);
  Ticket submit(ModelId model, const RequestOptions& options);
  system::WorkerLog& log_of(ModelId id);

  Parts parts;
  system::Ports ports;
  Duration default_deadline;
  Catalogue catalogue;
  core::Scheduler scheduler;
  std::map<ModelId, std::unique_ptr<system::WorkerLog>> logs;
  std::map<WorkerId, std::unique_ptr<Worker>> workers;
  struct Holding {    // what a program's processes hold
    Bytes size;       // of all of them
    TimePoint since;  // when it was last seen to grow
    Bytes looked_at;  // when each of them was last looked at
    bool looking = false;
    std::optional<system::Duplicates> duplicates;
  };
  std::map<WorkerId, Holding> holdings;
  struct Remote {                        // a worker without a process
    std::shared_ptr<const Entry> entry;  // shared with the catalogue
    CircuitBreaker circuit = {};
  };
  std::map<WorkerId, Remote> remotes;
  std::unordered_map<RequestId, Pending*> requests;  // owned by their tickets and leases

  struct Unloading {
    explicit Unloading(boost::asio::io_context& io) : done(io, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer done;
    std::optional<Receipt> receipt;
    std::optional<core::Refusal> refusal;
  };
  std::unordered_map<RequestId, Unloading*> unloads;  // owned by the coroutines that wait

  std::map<RequestId, std::shared_ptr<Reservation>> reservations;  // shared with whoever waits for one
  std::uint64_t next_reservation = kFirstReservation.value + 1;

  // Whoever needs the same files looked at waits for the one look.
  struct Look {
    Look(boost::asio::io_context& io, std::shared_ptr<const Entry> what, TimePoint now)
        : entry(std::move(what)), done(io, boost::asio::steady_timer::time_point::max()), since(now) {}
    std::shared_ptr<const Entry> entry;  // shared with the catalogue
    boost::asio::steady_timer done;
    TimePoint since;
    std::optional<Result<Measured>> result;
  };
  // The look that is under way, or a new one: shared with the pool and whoever waits.
  std::shared_ptr<Look> look(const std::shared_ptr<const Entry>& entry);
  void looked(ModelId model, const Result<Measured>& found);
  std::map<ModelId, std::string> unusable;  // why the files are of no use, as they were when they were last looked at
  std::map<ModelId, std::shared_ptr<Look>> looks;  // shared with the coroutines that wait
  boost::asio::thread_pool pool{1};                // reads headers of model files, and what processes hold

  // Leases of those who will come back, each with the timer of the coroutine that keeps it, which owns it.
  std::multimap<ModelId, boost::asio::steady_timer*> places_kept;

  std::vector<Observer*> observers;
  std::deque<core::Event> events;
  bool feeding = false;
  bool accepting = true;
  bool over = false;  // shutdown is complete
  std::uint64_t next_request = 1;
  boost::asio::steady_timer wake;
  boost::asio::steady_timer sampling;
  bool sampling_armed = false;
  TimePoint host_sampled{};
  std::optional<double> pressure;                // see system::memory_pressure
  bool pressed = false;                          // and somebody was told
  std::int64_t oom_kills = system::oom_kills();  // the kernel's count, at the last sample
  TimePoint oom_killed_until{};                  // those that it has taken may still be going
  config::Budgets budgets;
  Duration settle_after{};
  std::map<WorkerId, Weight> weights;

  enum class Driver : std::uint8_t { unknown, absent, answers, silent };
  Driver driver = Driver::unknown;
  Gpus gpus;
  std::map<DeviceId, std::pair<Bytes, Bytes>> gpu_budgets;  // limit and reserve, as the core knows them
  GpuWatch::Look looks_asked = 0;
  GpuWatch::Look looks_seen = 0;
  boost::asio::steady_timer driver_patience;
  boost::asio::steady_timer gpu_news;  // cancelled when something was seen
  GpuWatch watch;
  struct Returning {
    Gpus::Left what;
    GpuWatch::Look look = 0;  // the first that counts
    TimePoint until;          // looked for often
  };
  std::map<WorkerId, Returning> returning;  // that have ended, and whose bytes have not been seen back
  boost::asio::steady_timer finished;       // cancelled when shutdown is complete
  std::map<WorkerId, boost::asio::steady_timer> open_ended_until;  // of workers that drain
  std::map<ModelId, std::chrono::system_clock::time_point> last_used;
  std::map<ModelId, ServiceTime> services;
  std::map<ModelId, LoadingTime> loading_times;
  config::Budget host_config;
  Bytes host_total;
  LearntRecords past;  // of this life, too
  WarmFiles warm_files;
  TimePoint warm_after{};
  LearntStore store;      // is read before the pool's looks go on
  Loads loads_under_way;  // uses the pool, and is there as long
};

}  // namespace rouse::daemon
