#include "api/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "api/gauges.hpp"
#include "base/version.hpp"

namespace rouse::api {
namespace {

using prometheus::Counter;
using prometheus::Histogram;

// One for each key of each model, made when first needed: a reason that never comes is no series.
template <class Key>
class Counters {
 public:
  using Name = std::string (*)(Key);

  Counters(prometheus::Family<Counter>& family, const char* label, Name name)
      : family_(family), label_(label), name_(name) {}

  Counter& of(std::vector<Counter*>& of_model, const std::string& model, Key key) {
    const auto at = static_cast<std::size_t>(key);
    if (of_model.size() <= at) of_model.resize(at + 1);
    if (of_model[at] == nullptr) of_model[at] = &family_.Add({{"model", model}, {label_, name_(key)}});
    return *of_model[at];
  }
  void remove(const std::vector<Counter*>& of_model) {
    for (Counter* counter : of_model) {
      if (counter != nullptr) family_.Remove(counter);
    }
  }

 private:
  prometheus::Family<Counter>& family_;
  const char* label_;
  Name name_;
};

// One for each model that stood in for another, by why.
class FallbackCounters {
 public:
  explicit FallbackCounters(prometheus::Family<Counter>& family) : family_(family) {}

  void count(std::string_view model, std::string_view served_by, daemon::StandsIn why) {
    Counter*& counter = counters_[{std::string(model), std::string(served_by), why}];
    if (counter == nullptr) {
      counter = &family_.Add({{"model", std::string(model)},
                              {"served_by", std::string(served_by)},
                              {"reason", std::string(daemon::name(why))}});
    }
    counter->Increment();
  }
  // Those of models that are not known any more.
  template <class Known>
  void remove_unless(Known is_known) {
    std::erase_if(counters_, [&](const auto& entry) {
      const auto& [model, served_by, why] = entry.first;
      if (is_known(model) && is_known(served_by)) return false;
      family_.Remove(entry.second);
      return true;
    });
  }

 private:
  prometheus::Family<Counter>& family_;
  std::map<std::tuple<std::string, std::string, daemon::StandsIn>, Counter*> counters_;
};

enum class LoadOutcome : std::uint8_t { none, ready, failed, timed_out, cancelled };

LoadOutcome outcome_of(const core::Announce& transition) {
  if (transition.from != core::Stage::loading) return LoadOutcome::none;
  switch (transition.trigger) {
    case core::Trigger::loaded: return LoadOutcome::ready;
    case core::Trigger::load_timed_out: return LoadOutcome::timed_out;
    case core::Trigger::cancel: return LoadOutcome::cancelled;
    case core::Trigger::load_failed:
    case core::Trigger::start_failed:
    case core::Trigger::ran_out:
    case core::Trigger::exited: return LoadOutcome::failed;
    case core::Trigger::start:
    case core::Trigger::drain:
    case core::Trigger::undrain:
    case core::Trigger::sleep:
    case core::Trigger::slept:
    case core::Trigger::wake:
    case core::Trigger::woken:
    case core::Trigger::sleep_failed:
    case core::Trigger::wake_failed:
    case core::Trigger::stop:
    case core::Trigger::stop_timed_out:
    case core::Trigger::kill_timed_out:
    case core::Trigger::clear: return LoadOutcome::none;
  }
  std::unreachable();
}

std::string name_of(LoadOutcome outcome) {
  constexpr std::array kNames{"none", "ready", "failed", "timed_out", "cancelled"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

std::string with_underscores(std::string_view words) {
  std::string name(words);
  std::ranges::replace(name, ' ', '_');
  return name;
}
std::string name_of(core::StopReason reason) { return with_underscores(core::name(reason)); }
std::string name_of(core::Reason reason) { return with_underscores(core::name(reason)); }
std::string name_of(daemon::Ending ending) { return std::string(daemon::name(ending)); }

const Histogram::BucketBoundaries kWaits{0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kAnswers{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kLoads{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320};

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

struct Metrics::Impl {
  struct Series {
    std::string model;
    Histogram* queue;
    Histogram* first_byte;
    Histogram* whole;
    Histogram* load;
    Counter* bytes;
    std::vector<Counter*> requests{};
    std::vector<Counter*> refusals{};
    std::vector<Counter*> loads{};
    std::vector<Counter*> evictions{};
  };

  Impl(daemon::Daemon& of, const http::Server& on) : daemon(of), server(on) {}

  prometheus::Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }

  // Nothing for a model that has left the catalogue.
  Series* series_of(ModelId id) {
    if (const auto known = series.find(id); known != series.end()) return &known->second;
    const std::string model(daemon.name_of(id));
    if (model.empty()) return nullptr;
    const auto before = std::ranges::find(series, model, [](const auto& known) { return known.second.model; });
    if (before != series.end()) {  // removed and added again: its series go on
      auto node = series.extract(before);
      node.key() = id;
      return &series.insert(std::move(node)).position->second;
    }
    const prometheus::Labels labels{{"model", model}};
    Series& made = series
                       .emplace(id, Series{.model = model,
                                           .queue = &queue.Add(labels, kWaits),
                                           .first_byte = &first_byte.Add(labels, kAnswers),
                                           .whole = &whole.Add(labels, kAnswers),
                                           .load = &load.Add(labels, kLoads),
                                           .bytes = &bytes.Add(labels)})
                       .first->second;
    using enum daemon::Ending;  // what is counted from zero can be told apart from what never was
    for (const daemon::Ending ending : {ok, failed, refused, abandoned, cancelled})
      requests.of(made.requests, model, ending);
    for (const LoadOutcome outcome : {LoadOutcome::ready, LoadOutcome::failed}) loads.of(made.loads, model, outcome);
    return &made;
  }

  void remove_what_left() {
    for (auto it = series.begin(); it != series.end();) {
      Series& gone = it->second;
      if (!daemon.name_of(it->first).empty()) {
        ++it;
        continue;
      }
      queue.Remove(gone.queue);
      first_byte.Remove(gone.first_byte);
      whole.Remove(gone.whole);
      load.Remove(gone.load);
      bytes.Remove(gone.bytes);
      requests.remove(gone.requests);
      refusals.remove(gone.refusals);
      loads.remove(gone.loads);
      evictions.remove(gone.evictions);
      it = series.erase(it);
    }
    fallbacks.remove_unless([this](std::string_view model) { return daemon.find(model).has_value(); });
  }

  daemon::Daemon& daemon;
  const http::Server& server;
  prometheus::Registry registry;
  prometheus::Family<Histogram>& queue =
      histogram("rouse_request_queue_seconds", "From a request to its admission, less the load it waited for");
  prometheus::Family<Histogram>& first_byte =
      histogram("rouse_request_first_byte_seconds", "From asking the engine to the first byte of its answer");
  prometheus::Family<Histogram>& whole = histogram("rouse_request_seconds", "From a request to the end of its answer");
  prometheus::Family<Histogram>& load = histogram("rouse_model_load_seconds", "Loads that became ready");
  prometheus::Family<Counter>& bytes = counter("rouse_response_bytes_total", "Of answers, to clients");
  Counters<daemon::Ending> requests{counter("rouse_requests_total", "Requests that have ended, by how they did"),
                                    "outcome", name_of};
  Counters<core::Reason> refusals{counter("rouse_refusals_total", "Requests that were refused, by why"), "reason",
                                  name_of};
  Counters<LoadOutcome> loads{counter("rouse_model_loads_total", "Loads, by how they ended"), "outcome", name_of};
  Counters<core::StopReason> evictions{counter("rouse_evictions_total", "Workers that were told to stop, by why"),
                                       "reason", name_of};
  FallbackCounters fallbacks{
      counter("rouse_fallbacks_total", "Requests that another model has answered, by which one and why")};
  std::map<ModelId, Series> series;
};

Metrics::Metrics(daemon::Daemon& daemon, const http::Server& server) : impl_(std::make_unique<Impl>(daemon, server)) {
  daemon.observe(*this);
}
Metrics::~Metrics() = default;

void Metrics::on_transition(const core::Announce& transition) {
  Impl::Series* series = impl_->series_of(transition.model);
  if (series == nullptr) return;
  if (const LoadOutcome outcome = outcome_of(transition); outcome != LoadOutcome::none) {
    impl_->loads.of(series->loads, series->model, outcome).Increment();
    const auto took = impl_->daemon.model(transition.model).last_load;
    if (outcome == LoadOutcome::ready && took) series->load->Observe(seconds(*took));
  }
  if (transition.to == core::Stage::stopping && transition.from != core::Stage::stopping)
    impl_->evictions.of(series->evictions, series->model, transition.reason).Increment();
}

void Metrics::on_request(const daemon::RequestNews& news) {
  if (news.step != daemon::RequestStep::ended || news.ending == daemon::Ending::unused) return;
  Impl::Series* series = impl_->series_of(news.model);
  if (series == nullptr) return;
  impl_->requests.of(series->requests, series->model, news.ending).Increment();
  if (news.ending == daemon::Ending::refused)
    impl_->refusals.of(series->refusals, series->model, news.reason).Increment();
  if (!news.started) return;
  series->queue->Observe(seconds(news.waited.queue));
  if (news.first_byte) series->first_byte->Observe(seconds(*news.first_byte));
  series->whole->Observe(seconds(news.whole));
  series->bytes->Increment(static_cast<double>(news.bytes));
  const auto& stood_in = news.in_place_of;
  const std::string_view asked = stood_in && news.first_byte ? impl_->daemon.name_of(stood_in->model) : "";
  if (!asked.empty()) impl_->fallbacks.count(asked, series->model, stood_in->why);
}

void Metrics::on_config() { impl_->remove_what_left(); }

std::string Metrics::text() {
  const std::vector<daemon::ModelStatus> models = impl_->daemon.models();
  const std::vector<daemon::DeviceStatus> devices = impl_->daemon.devices();
  impl_->remove_what_left();
  for (const daemon::ModelStatus& model : models) {
    if (const auto id = impl_->daemon.find(model.name)) impl_->series_of(*id);
  }
  Families families = impl_->registry.Collect();
  append_gauges(families, models);
  append_gauges(families, devices);
  append_counts(families, impl_->server.counts());
  append_build(families, version());
  append_router_gauges(families, models, devices, impl_->daemon.clock().wall());
  return prometheus::TextSerializer().Serialize(families);
}

http::Task<void> metrics(const Parts& parts, Reply& reply, std::string_view) {
  co_await reply.send(200, "text/plain; version=0.0.4; charset=utf-8", parts.metrics.text());
}

}  // namespace rouse::api
