// Looking at the machine's memory: the host here, since that takes a millisecond, the GPUs on the thread of their
// watch.
//
// Once a second while there are workers, what they left or requests that wait; more often while bytes come and go, or
// are short. Nothing is looked at on a machine where nothing happens.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <format>
#include <ranges>

#include "daemon/impl.hpp"

namespace rouse::daemon {
namespace {

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable_t<http::Executor>{});

constexpr Duration kCalm = std::chrono::seconds(1);
constexpr Duration kBusy = std::chrono::milliseconds(250);
constexpr Duration kReturning = std::chrono::milliseconds(75);  // between looks for what has to come back
// A driver that nobody has used for a while takes seconds to start; one at work answers in a millisecond.
constexpr Duration kDriverStarts = std::chrono::seconds(20);
constexpr Duration kOomKillTakes = std::chrono::seconds(5);
constexpr Duration kDriverAnswers = std::chrono::seconds(5);  // one that is busy takes its time

// The share of time that programs have waited for memory lately, in per cent.
constexpr double kPressed = 10;
constexpr double kRelieved = 3;

bool is_short(const core::Ledger& ledger, DeviceId device) {
  return ledger.free(device).count < ledger.effective(device).count / 20;
}

// What ends is no longer seen to hold what has not come back yet; nobody else has taken that.
Bytes at_least_leaving(const core::Ledger& ledger, WorkerId worker, DeviceId device, Bytes seen) {
  const core::Row* row = ledger.find(worker);
  const bool leaves = row && row->leaving_since != kNever;
  return leaves ? std::max(seen, core::bytes_on(row->bytes, device)) : seen;
}

}  // namespace

// --- the host -----------------------------------------------------------------------------------------------

void Daemon::Impl::sample() {
  if (const auto host = system::host_memory()) sample(*host);
}

void Daemon::Impl::sample(const system::HostMemory& host) {
  host_sampled = parts.clock.now();
  if (std::exchange(host_total, host.total) != host.total)  // our cgroup's limit has been changed
    feed(core::CatalogueChanged{.changed = {}, .removed = {}, .budgets = {host_budget()}});
  give_way_to_others(host);
  // What is kept warm is no part of the machine that the core shares out.
  core::DeviceMeasured sample{.device = kHost,
                              .total = host.total - warm_files.held(),
                              .used = std::max(Bytes{}, host.total - host.available - warm_files.locked()),
                              .trees = std::vector<core::TreeBytes>{}};
  std::vector<WorkerId> seen;
  std::vector<WorkerId> fewer;  // that have lost processes
  for (const auto& [id, worker] : workers) {
    if (worker->tree() == 0) continue;
    Weight& weight = weights[id];
    weight.tree = system::tree_memory(worker->tree());
    const int before = std::exchange(weight.processes, weight.tree.processes);
    if (weight.processes < before) fewer.push_back(id);
    sample.trees->push_back({id, at_least_leaving(scheduler.view().ledger, id, kHost, weight.held())});
    look_for_duplicates(id, weight.tree.held());
    seen.push_back(id);
  }
  if (has_oom_killed()) {  // looked at last: a kill is counted before its process is gone
    for (const WorkerId id : fewer) {
      if (const auto& worker = workers.at(id); answers(worker->entry()->id))
        worker->doubt("out of memory: killed by the kernel (one of its processes)");
    }
  }
  add_holders(sample);
  feel_pressure();
  feed(std::move(sample));
  for (const WorkerId id : seen) weigh(id);
  for (Observer* observer : observers) observer->on_sample();
  keep_warm();
}

// Of late: whom it takes may take a while to go.
bool Daemon::Impl::has_oom_killed() {
  const std::int64_t counted = system::oom_kills();
  if (counted > std::exchange(oom_kills, counted)) oom_killed_until = later(parts.clock.now(), kOomKillTakes);
  return parts.clock.now() < oom_killed_until;
}

bool Daemon::Impl::answers(ModelId id) const {
  const auto model = scheduler.view().models.find(id);
  if (model == scheduler.view().models.end()) return false;
  const core::Stage at = core::stage(model->second.state);
  return at == core::Stage::ready || at == core::Stage::draining;
}

void Daemon::Impl::feel_pressure() {
  pressure = system::memory_pressure();
  if (!pressure) return;
  if (!pressed && *pressure >= kPressed) {
    parts.log.warning("memory is short: programs have waited for it {:.0f} % of the last ten seconds", *pressure);
    pressed = true;
  } else if (pressed && *pressure < kRelieved) {
    parts.log.info("memory is no longer short");
    pressed = false;
  }
}

// --- the GPUs -----------------------------------------------------------------------------------------------

void Daemon::Impl::look_at_gpus() {
  if (driver == Driver::absent) return;
  const bool under_way = looks_asked > looks_seen;
  looks_asked = watch.look();
  if (under_way) return;
  be_patient_with_driver();
}

void Daemon::Impl::be_patient_with_driver() {
  driver_patience.expires_after(driver == Driver::unknown ? kDriverStarts : kDriverAnswers);
  driver_patience.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    driver = Driver::silent;
    lose_gpus("its driver does not answer");
  });
}

http::Task<void> Daemon::Impl::sampled(core::Placement on) {
  sample();
  if (std::ranges::none_of(on, [](const core::DeviceBytes& share) { return is_gpu(share.device); })) co_return;
  look_at_gpus();
  const GpuWatch::Look needed = looks_asked;
  while (driver != Driver::absent && driver != Driver::silent && looks_seen < needed && !over)
    co_await gpu_news.async_wait(kAwait);
}

http::Task<void> Daemon::look_at_devices() { co_await impl_->sampled({{kHost, {}}, {gpu_device(0), {}}}); }

void Daemon::Impl::saw_gpus(GpuWatch::Look look, GpuWatch::Gpus seen) {
  looks_seen = look;
  driver_patience.cancel();
  if (!seen && seen.error().code == Code::not_found) {
    driver = Driver::absent;
    parts.log.write(system::Level::debug, std::format("no GPUs: {} ({})", seen.error().message, seen.error().context));
  } else {
    driver = Driver::answers;
    if (seen)
      take_gpus(std::move(*seen));
    else
      lose_gpus(seen.error().message);
  }
  gpu_news.cancel();
  if (looks_asked > looks_seen && driver == Driver::answers) be_patient_with_driver();  // somebody has asked meanwhile
}

void Daemon::Impl::take_gpus(std::vector<system::Gpu> seen) {
  Gpus::Roots roots;
  for (const auto& [id, worker] : workers) {
    if (worker->tree() != 0) roots.emplace(worker->tree(), id);
  }
  for (const auto& [request, reservation] : reservations) add_holder(*reservation, roots);
  gpus.see(std::move(seen), roots);
  for (std::size_t index = 0; index < gpus.all().size(); ++index) {
    const DeviceId device = gpu_device(index);
    const system::Gpu& gpu = gpus.all()[index];
    if (!gpu.unavailable.empty()) continue;
    core::DeviceMeasured sample{.device = device, .total = gpu.total, .used = gpu.used, .trees = {}};
    if (const auto holders = gpus.holders(device)) {
      sample.trees.emplace();
      sample.shared = holders->has_strangers;
      for (const auto& [id, bytes] : holders->workers) {
        if (std::ranges::contains(roots | std::views::values, id))
          sample.trees->push_back({id, at_least_leaving(scheduler.view().ledger, id, device, bytes)});
      }
      for (auto& [id, weight] : weights) {
        if (looks_seen <= weight.ready_at) continue;
        const auto held = holders->workers.find(id);
        weight.gpus[device] = held == holders->workers.end() ? Bytes{} : held->second;
        tell_of_stray(id, device);
      }
    } else {
      for (auto& [id, weight] : weights) weight.gpus.erase(device);
    }
    feed(std::move(sample));
  }
  tell_of_gpus();  // once it is known what others use there
  std::vector<WorkerId> weighed;
  weighed.reserve(weights.size());
  for (const auto& [id, weight] : weights) weighed.push_back(id);
  for (const WorkerId id : weighed) weigh(id);
  see_bytes_return();
  for (Observer* observer : observers) observer->on_sample();
}

// A worker that takes what it was not given: it counts there as another program does.
void Daemon::Impl::tell_of_stray(WorkerId id, DeviceId device) {
  const core::Row* row = scheduler.view().ledger.find(id);
  const auto worker = workers.find(id);
  if (!row || worker == workers.end() || core::has_share(row->bytes, device)) return;
  Weight& weight = weights.at(id);
  if (weight.gpus.at(device) == Bytes{} || !weight.strays.insert(device).second) return;
  parts.log.warning("{}: takes {} of {}, which its footprint does not name; name it there, so that room is made for it",
                    worker->second->entry()->model.id, to_string(weight.gpus.at(device)), device_name(device));
}

void Daemon::Impl::lose_gpus(const std::string& why) {
  gpus.lose(why);
  tell_of_gpus();
  gpu_news.cancel();
  for (Observer* observer : observers) observer->on_sample();
}

// Their budgets, where they are others than before; and the log, of what came and went.
void Daemon::Impl::tell_of_gpus() {
  core::CatalogueChanged change;
  for (std::size_t index = 0; index < gpus.all().size(); ++index) {
    const DeviceId device = gpu_device(index);
    const system::Gpu& gpu = gpus.all()[index];
    core::Budget budget{.device = device, .total = {}, .limit = {}, .reserve = {}};
    if (gpu.unavailable.empty()) {
      const config::Budget& configured = budgets.of(device);
      budget.total = gpu.total;
      budget.limit = limit_on(configured, gpu.total);
      budget.reserve = configured.reserve;
    }
    const auto known = gpu_budgets.find(device);
    if (known != gpu_budgets.end() && known->second == std::pair(budget.limit, budget.reserve)) continue;
    const bool was_there = known != gpu_budgets.end() && known->second.first > Bytes{};
    if (!gpu.unavailable.empty())
      parts.log.warning("{} cannot be used: {}", device_name(device), gpu.unavailable);
    else if (!was_there)
      parts.log.info("{}: {}, {}, {}", device_name(device), gpu.name, to_string(gpu.total), gpu.uuid);
    gpu_budgets.insert_or_assign(device, std::pair(budget.limit, budget.reserve));
    change.budgets.push_back(budget);
  }
  if (!change.budgets.empty()) feed(std::move(change));
}

// --- when -----------------------------------------------------------------------------------------------------

// Between two looks; nothing while there is no need of any.
std::optional<Duration> Daemon::Impl::pace() const {
  const core::View& view = scheduler.view();
  const TimePoint now = parts.clock.now();
  if (std::ranges::any_of(returning, [&](const auto& left) { return now < left.second.until; })) return kReturning;
  bool waited_for = false;
  bool moves = false;
  for (const auto& [id, model] : view.models) {
    const core::Stage at = core::stage(model.state);
    waited_for |= !model.queue.empty() && at != core::Stage::ready;
    moves |= at == core::Stage::loading || at == core::Stage::waking || at == core::Stage::sleeping ||
             at == core::Stage::stopping || at == core::Stage::draining;
  }
  if (moves || waited_for) return kBusy;
  if (workers.empty() && returning.empty() && reservations.empty() && warm_files.held() == Bytes{}) return std::nullopt;
  const bool shortage =
      pressed || std::ranges::any_of(view.ledger.devices(), [&](const auto& device) {
        return !is_group(device.first) && device.second.held > Bytes{} && is_short(view.ledger, device.first);
      });
  return shortage ? kBusy : kCalm;
}

void Daemon::Impl::keep_sampling() {
  const auto next = pace();
  if (!next || over) return;
  const TimePoint at = later(parts.clock.now(), *next);
  if (sampling_armed && sampling.expiry() <= at) return;
  sampling_armed = true;
  sampling.expires_at(at);
  sampling.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // armed anew, for an earlier time
    sampling_armed = false;
    parts.launcher.observe_oom_kills();
    if (parts.clock.now() - host_sampled > kBusy / 2) sample();
    if (!gpus.all().empty()) look_at_gpus();
    keep_sampling();
  });
}

}  // namespace rouse::daemon
