#include "daemon/warming.hpp"

namespace rouse::daemon {
namespace {

constexpr Bytes kLeast = mib(64);  // below, a load is over before it is of use

}  // namespace

bool worth_warming(const config::Model& model, const system::PageCache& cache) {
  if (!model.read_ahead || cache.size - cache.cached < kLeast) return false;
  const auto* llama = std::get_if<config::Llama>(&model.engine);
  return !llama || llama->load_mode != config::LoadMode::direct_io;  // which goes past the page cache
}

}  // namespace rouse::daemon
