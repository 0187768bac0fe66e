// Who holds a key, and how much each of them uses at the moment. Without keys everybody is an administrator: then
// nobody but this machine can reach us.
//
// Owned by the Api. Owner thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/caller.hpp"
#include "api/fault.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/head.hpp"

namespace rouse::api {

// One of the requests that a key may have under way at once; over when it is destroyed.
class KeyLease {
 public:
  KeyLease() = default;  // nobody counts
  explicit KeyLease(std::shared_ptr<KeyUse> use) : use_(std::move(use)) {}
  KeyLease(KeyLease&& other) noexcept = default;
  KeyLease& operator=(KeyLease&& other) noexcept {
    std::swap(use_, other.use_);
    return *this;
  }
  ~KeyLease();

 private:
  std::shared_ptr<KeyUse> use_;  // owners: see Caller
};

// A key's hash, kept for when the same connection shows the same key again, as it does with each request.
class KnownHash {
 public:
  const config::KeyHash& of(std::string_view key);

 private:
  std::string key_;
  config::KeyHash hash_ = config::hash_of({});
};

class Keyring {
 public:
  explicit Keyring(std::vector<config::Key> keys);

  // What counts against a key's limits goes on counting when a key of that name is still there.
  void replace(std::vector<config::Key> keys);

  // By the key in Authorization: Bearer, x-api-key or api-key. Fails with unauthenticated.
  Result<Caller> identify(const http::RequestHead& head, std::string_view peer, KnownHash& known) const;

  // Who needs no key.
  static Caller owner(std::string_view peer = "unix");

  // Who comes where nobody is asked for a key: without keys an administrator, as everybody is, else a user.
  Caller passer_by(std::string_view peer) const;

  // Counts one more request of this caller. Fails with client_limit, and when to come back.
  static std::expected<KeyLease, Fault> begin(const Caller& caller, TimePoint now);

 private:
  struct Holder {
    config::Key key;
    std::shared_ptr<KeyUse> use;  // owners: see Caller
  };
  std::map<std::string, Holder> holders_;  // by the key's name
};

}  // namespace rouse::api
