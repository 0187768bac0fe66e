// GET /rouse/v1/events?only=model,device: what happens, as server-sent events.
//
//   snapshot   {"models":[…],"devices":[…]}: how things stand; the first event, unless the reader resumes
//   model      a transition, with its stage and bytes before and after; a remote one's circuit was opened or closed
//   progress   how far a model's load is, a few times a second
//   receipt    a worker has ended, and its bytes have been seen back, or not in time
//   request    one was queued, started or ended
//   reservation  bytes of a device for a program outside: queued, granted, refused, expired, abandoned or returned
//   device     what models or others hold there has changed
//   config     the catalogue is another now
//   gap        events were missed; a snapshot follows
//
// Ids rise by one with each event, also from one run of the daemon to the next. A reader that comes back with
// Last-Event-ID goes on from there, as far as the latest events are kept; one that was away for too long, or reads too
// slowly, is told so. Whoever reads holds a place in the rings and no memory of their own; nothing is written until
// somebody reads.
//
// Owned by main; outlives the daemon's last call. Owner thread.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/event_ring.hpp"
#include "api/parts.hpp"
#include "api/reply.hpp"
#include "daemon/daemon.hpp"
#include "http/task.hpp"

namespace rouse::api {

class Events final : public daemon::Observer {
 public:
  explicit Events(daemon::Daemon& daemon);  // observes it from now on

  enum class Kind : std::uint8_t { model, request, device, config, progress, receipt, reservation };
  using Kinds = std::uint8_t;  // a bit for each
  static constexpr Kinds kEverything = 0b1111111;

  // Where a reader stands.
  struct Reader {
    std::uint64_t last = 0;
    Kinds kinds = kEverything;
  };
  Reader fresh(Kinds kinds) const { return {next_ - 1, kinds}; }
  // What has happened since, as text for the wire, `enough` bytes or a little more; empty when nothing has. Says by
  // itself when something was missed.
  std::string read(Reader& reader, std::size_t enough) const;
  std::string snapshot(const Reader& reader) const;
  bool knows(std::uint64_t id) const { return id < next_; }

  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, http::Executor>;
  void wake_at_next(Timer& timer) { waiting_.push_back(&timer); }
  void forget(Timer& timer) { std::erase(waiting_, &timer); }

  void on_transition(const core::Announce& transition) override;
  void on_receipt(ModelId model, WorkerId worker, const daemon::Receipt& receipt) override;
  void on_request(const daemon::RequestNews& news) override;
  void on_reservation(const daemon::ReservationStatus& reservation, daemon::ReservationStep step) override;
  void on_sample() override { look_at_devices(); }
  void on_config() override;
  void on_circuit(ModelId model) override;
  void on_progress(ModelId model) override;

 private:
  struct State {
    Kind kind = Kind::model;
    std::string json;
  };
  struct Request {
    daemon::WallTime at;
    daemon::RequestNews news;  // its views are empty: the next two stand for them
    std::string id;
    std::string client;
  };
  void look_at_devices();
  void add(Kind kind, std::string json);
  std::uint64_t take_id();
  std::string json_of(const Request& request) const;

  daemon::Daemon& daemon_;
  const std::uint64_t first_;
  std::uint64_t next_;
  EventRing<State> states_{1024};
  EventRing<Request> requests_{4096};
  std::vector<daemon::DeviceStatus> devices_;  // as last told
  std::vector<Timer*> waiting_;
};

http::Task<void> events(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
