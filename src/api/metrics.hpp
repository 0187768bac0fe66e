// GET /metrics: what Prometheus and routers read.
//
// Counters and histograms grow as the daemon tells of transitions and requests; each model's series are looked up once,
// so that a request costs a few additions. What is true now (states, memory, connections) is asked when somebody
// scrapes. The only names that become labels are the catalogue's: a client cannot make a series.
//
// Owned by main; outlives the daemon's last call. Owner thread.
#pragma once

#include <memory>
#include <string>

#include "api/parts.hpp"
#include "api/reply.hpp"
#include "daemon/daemon.hpp"
#include "http/server.hpp"
#include "http/task.hpp"

namespace rouse::api {

class Metrics final : public daemon::Observer {
 public:
  Metrics(daemon::Daemon& daemon, const http::Server& server);  // observes the daemon from now on
  ~Metrics() override;

  std::string text();  // in Prometheus's format, as of now

  void on_transition(const core::Announce& transition) override;
  void on_receipt(ModelId, WorkerId, const daemon::Receipt&) override {}
  void on_request(const daemon::RequestNews& news) override;
  void on_reservation(const daemon::ReservationStatus&, daemon::ReservationStep) override {}
  void on_sample() override {}
  void on_config() override;
  void on_circuit(ModelId) override {}
  void on_progress(ModelId) override {}

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

http::Task<void> metrics(const Parts& parts, Reply& reply, std::string_view);

}  // namespace rouse::api
