#include "daemon/learnt.hpp"

#include <algorithm>

namespace rouse::daemon {
namespace {

constexpr double kMostlyCold = 0.5;
constexpr int kTooLittle = 100;  // a hundredth of the footprint

BytesByDevice larger(BytesByDevice a, const BytesByDevice& b) {
  for (const auto& [device, bytes] : b) a[device] = std::max(a[device], bytes);
  return a;
}

void take_mean(std::optional<Duration>& known, Duration latest) { known = known ? (*known + latest) / 2 : latest; }

}  // namespace

std::optional<Duration> LoadTimes::at(double cold_share) const {
  if (!cold || !cached) return cold ? cold : cached;
  return *cached + std::chrono::duration_cast<Duration>((*cold - *cached) * std::clamp(cold_share, 0.0, 1.0));
}

void LearntRecord::loaded(Duration took, double cold_share) {
  ++loads;
  take_mean(cold_share > kMostlyCold ? load.cold : load.cached, took);
  if (footprint.empty()) return;
  std::erase_if(needed, [&](auto& each) {
    auto& [device, bytes] = each;
    const auto held = footprint.find(device);
    const Bytes settled = held == footprint.end() ? Bytes{} : held->second;
    bytes = settled + Bytes{(bytes - settled).count / 2};
    return bytes <= settled + Bytes{settled.count / kTooLittle};
  });
}

void LearntRecord::woken(Duration took) {
  ++wakes;
  take_mean(wake, took);
}

void LearntRecord::ran_out(const BytesByDevice& needs) {
  ++out_of_memory;
  needed = larger(std::move(needed), needs);
}

void LearntRecord::holds(const BytesByDevice& bytes) { peak = larger(std::move(peak), bytes); }

}  // namespace rouse::daemon
