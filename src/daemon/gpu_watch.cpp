#include "daemon/gpu_watch.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace rouse::daemon {

struct GpuWatch::Shared {
  Shared(boost::asio::io_context& context, std::string library, Seen given)
      : io(context), meter(std::move(library)), seen(std::move(given)) {}

  std::mutex mutex;
  std::condition_variable news;
  Look wanted = 0;
  bool ended = false;  // `io` may be gone

  boost::asio::io_context& io;
  system::GpuMeter meter;  // the thread's
  Seen seen;               // the owner's
};

namespace {

// Until the watch ends.
template <class Shared>
void keep_looking(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (GpuWatch::Look done = 0;;) {
    shared->news.wait(lock, [&] { return shared->ended || shared->wanted > done; });
    if (shared->ended) return;
    done = shared->wanted;
    lock.unlock();
    GpuWatch::Gpus gpus = shared->meter.read();
    lock.lock();
    if (shared->ended) return;
    boost::asio::post(shared->io, [shared, done, gpus = std::move(gpus)]() mutable {
      if (!shared->ended) shared->seen(done, std::move(gpus));
    });
  }
}

}  // namespace

GpuWatch::GpuWatch(boost::asio::io_context& io, std::string library, Seen seen)
    : shared_(std::make_shared<Shared>(io, std::move(library), std::move(seen))) {}

GpuWatch::~GpuWatch() {
  const std::scoped_lock lock(shared_->mutex);
  shared_->ended = true;
  shared_->news.notify_one();
}

GpuWatch::Look GpuWatch::look() {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->wanted == 0) std::thread([shared = shared_] { keep_looking(shared); }).detach();
  shared_->news.notify_one();
  return ++shared_->wanted;
}

}  // namespace rouse::daemon
