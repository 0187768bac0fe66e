// Asks the GPUs' driver on a thread of its own, since a driver may take long to answer or hang.
//
// Owned by the daemon, on whose thread everything here is called, `seen` included; never from inside look(). The thread
// begins with the first look. One that hangs is left behind when the watch ends.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "system/gpu_meter.hpp"

namespace rouse::daemon {

class GpuWatch {
 public:
  using Look = std::uint64_t;  // looks are numbered, from 1
  using Gpus = Result<std::vector<system::Gpu>>;
  using Seen = std::function<void(Look look, Gpus gpus)>;

  GpuWatch(boost::asio::io_context& io, std::string library, Seen seen);
  ~GpuWatch();
  GpuWatch(const GpuWatch&) = delete;
  GpuWatch& operator=(const GpuWatch&) = delete;

  // Has the GPUs looked at. Whatever is seen by a look of the number that this gives, or of a later one, was so after
  // this call. Several calls while a look is under way share the next one.
  Look look();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // shared with the thread, and what it has posted
};

}  // namespace rouse::daemon
