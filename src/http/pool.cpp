#include <algorithm>
#include <chrono>

#include "http/wire.hpp"

namespace rouse::http {

Link::Link(PoolCore& of, StreamPtr connected, std::uint64_t begun_in)
    : pool(&of), stream(std::move(connected)), era(begun_in) {
  stream->watch_for(this);
  ++pool->connections;
}

Link::~Link() {
  --pool->connections;
  stream->watch_for(nullptr);
  stream->close();
}

void Link::on_unawaited_read() {
  if (upstream != nullptr) {
    pool->drop(*this);  // an idle upstream that closes, or speaks without being asked
  } else {
    stream->cancel_waits();  // it answers before the whole request is written
  }
}

std::uint64_t PoolCore::era(const Address& upstream) {
  const auto [at, added] = shelves_.try_emplace(upstream);
  if (added) at->second.era = ++last_era_;
  return at->second.era;
}

std::unique_ptr<Link> PoolCore::take(const Address& upstream, const LinkOwner* owner) {
  const auto at = shelves_.find(upstream);
  if (at == shelves_.end()) return nullptr;
  auto& links = at->second.links;
  const auto newest =
      std::ranges::find(links.rbegin(), links.rend(), owner, [](const auto& link) { return link->owner; });
  if (newest == links.rend()) {
    // What idles may be what its server would wait for: ours, and others' too once that was seen.
    std::erase_if(
        links, [&](const auto& link) { return at->second.serves_one || (owner != nullptr && link->owner == nullptr); });
    return nullptr;
  }
  std::unique_ptr<Link> link = std::move(*newest);
  links.erase(std::next(newest).base());
  link->upstream = nullptr;
  return link;
}

PoolCore::Shelves::iterator PoolCore::shelf_of(const Link& link, const Address& upstream) {
  const auto at = shelves_.find(upstream);
  return at != shelves_.end() && at->second.era == link.era ? at : shelves_.end();
}

PoolCore::Queued::Queued(PoolCore& core, const Address& upstream, Link& link)
    : core_(core), upstream_(upstream), link_(link) {
  // Who serves over TLS serves many at a time, and there every fresh connection costs a handshake.
  if (upstream.tls && !link.kept) return;
  core_.deadlines.set(*this, std::chrono::steady_clock::now() + core_.limits.queue_patience);
}

PoolCore::Queued::~Queued() {
  if (patient_) return;
  const auto at = core_.shelf_of(link_, upstream_);
  if (at != core_.shelves_.end()) --at->second.impatient;
}

void PoolCore::Queued::on_deadline() {
  if (link_.kept) {
    link_.stream->look();
    return;
  }
  const auto at = core_.shelf_of(link_, upstream_);
  const bool was_read = upstream_.is_unix() && link_.stream->was_read();  // of TCP nobody can tell
  if (at == core_.shelves_.end() || was_read) return;
  patient_ = false;
  ++at->second.impatient;
  at->second.serves_one = true;
  at->second.links.clear();
}

void PoolCore::put(const Address& upstream, std::unique_ptr<Link> link) {
  const auto at = shelf_of(*link, upstream);
  if (at == shelves_.end() || at->second.impatient > 0) return;
  auto& links = at->second.links;
  if (links.size() >= limits.idle_per_upstream || connections > limits.connections) return;
  constexpr std::size_t kLargeIdle = 16;  // so many may keep a large buffer while they idle
  if (!link->stream->armed()) {
    link->in.clear();
    if (link->in.capacity() > kSmallBuffer && links.size() >= kLargeIdle) {
      link->in.release();
      link->in.reserve(kSmallBuffer);
    }
    if (link->kept)
      link->stream->arm_lazily(link->in.space());
    else
      link->stream->arm(link->in.space());
  }
  link->upstream = &at->first;
  const TimePoint now = std::chrono::steady_clock::now();
  link->idle_since = now;
  links.push_back(std::move(link));
  if (pruning_) return;
  pruning_ = true;
  deadlines.set(*this, now + limits.idle_time);
}

void PoolCore::make_room() {
  if (connections < limits.connections) return;
  const auto at = std::ranges::find_if(shelves_, [](const auto& shelf) { return !shelf.second.links.empty(); });
  if (at != shelves_.end()) at->second.links.erase(at->second.links.begin());  // the one that has idled for longest
}

void PoolCore::drop(Link& idle) {
  auto& links = shelves_.find(*idle.upstream)->second.links;
  std::erase_if(links, [&](const auto& link) { return link.get() == &idle; });
}

void PoolCore::close_idle(const Address& upstream) { shelves_.erase(upstream); }

void PoolCore::close_idle_of(const LinkOwner& owner) {
  for (auto& [address, shelf] : shelves_)
    std::erase_if(shelf.links, [&](const auto& link) { return link->owner == &owner; });
}

std::size_t PoolCore::idle(const Address& upstream) const {
  const auto at = shelves_.find(upstream);
  return at == shelves_.end() ? 0 : at->second.links.size();
}

void PoolCore::on_deadline() {
  pruning_ = false;
  const TimePoint now = std::chrono::steady_clock::now();
  for (auto& [address, shelf] : shelves_) {
    std::erase_if(shelf.links, [&](const auto& link) { return link->idle_since + limits.idle_time <= now; });
    pruning_ = pruning_ || !shelf.links.empty();
  }
  if (pruning_) deadlines.set(*this, now + limits.idle_time);
}

LinkOwner::LinkOwner(UpstreamPool& pool) : core_(pool.core_) {}
LinkOwner::~LinkOwner() {
  if (const auto core = core_.lock()) core->close_idle_of(*this);
}

UpstreamPool::UpstreamPool(boost::asio::io_context& io, PoolLimits limits)
    : core_(std::make_shared<PoolCore>(io, limits)) {}
UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::close_idle(const Address& upstream) { core_->close_idle(upstream); }
std::size_t UpstreamPool::idle(const Address& upstream) const { return core_->idle(upstream); }

}  // namespace rouse::http
