// The bytes of workers that have ended, until they are seen back. The host's memory went with the process tree; a GPU's
// driver may take longer, and says when it is done.
#include <algorithm>

#include "daemon/impl.hpp"

namespace rouse::daemon {

// After the worker's end, with its row still there.
void Daemon::Impl::expect_bytes(WorkerId id) {
  const core::Row* row = scheduler.view().ledger.find(id);
  if (!row) return;
  Returning left;
  left.what.processes = gpus.processes_of(id);
  for (const core::DeviceBytes& share : row->bytes) {
    if (is_gpu(share.device) && gpus.find(share.device)) left.what.bytes.push_back(share);
  }
  if (left.what.bytes.empty()) {
    gpus.forget(id);
    return feed(core::BytesReturned{id});
  }
  const bool has_host = core::bytes_on(row->bytes, kHost) > Bytes{};
  left.what.used = gpus.used(left.what.bytes);
  if (const auto weight = weights.find(id); weight != weights.end())
    left.what.used_before = weight->second.gpus_used_before;
  left.until = later(parts.clock.now(), scheduler.view().policy.return_bound);
  look_at_gpus();
  left.look = looks_asked;
  returning.emplace(id, std::move(left));
  keep_sampling();
  if (has_host) feed(core::BytesReturned{id, {kHost}});
}

void Daemon::Impl::see_bytes_return() {
  std::vector<WorkerId> back;
  for (const auto& [id, left] : returning) {
    const bool known = scheduler.view().ledger.find(id) != nullptr;  // else a sample has shown that they are gone
    if (!known || (looks_seen >= left.look && gpus.are_back(left.what))) back.push_back(id);
  }
  for (const WorkerId id : back) {
    returning.erase(id);
    gpus.forget(id);
    feed(core::BytesReturned{id});
  }
}

}  // namespace rouse::daemon
