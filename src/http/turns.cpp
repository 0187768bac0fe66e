#include "http/turns.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace rouse::http {
namespace {

constexpr std::size_t kCrowd = 4;  // arrivals of a turn from which on it is worth while
// Arrivals, where they were fewer: a prime, so as not to stay in step with turns.
constexpr std::size_t kCountEvery = 17;

}  // namespace

Turns::Turns(boost::asio::execution_context& io) : service(io), io_(static_cast<boost::asio::io_context&>(io)) {}

void Turns::arrived(Stream& stream) {
  if (!counting_ && (crowded_ || ++uncounted_ == kCountEvery)) {
    counting_ = true;
    arrivals_ = uncounted_ = 0;
    boost::asio::post(io_, [this] { end(); });  // behind all that has arrived by now
  }
  ++arrivals_;
  if (!crowded_) return stream.resume();
  late_.emplace_back(&stream);
}

void Turns::end() {
  counting_ = false;
  crowded_ = arrivals_ >= kCrowd;
  resumed_.swap(late_);
  for (const StreamPtr& stream : resumed_) stream->resume();
  resumed_.clear();
}

}  // namespace rouse::http
