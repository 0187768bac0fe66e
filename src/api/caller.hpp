// Who asks, and what they may: made for each request by the Keyring. A value.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "base/ids.hpp"
#include "config/key.hpp"
#include "daemon/daemon.hpp"

namespace rouse::api {

struct KeyUse;  // keyring.cpp

struct Caller {
  std::string key;  // its name; empty where nobody needs one
  config::Role role = config::Role::use;
  ClientId client{};  // models are shared fairly between these
  core::Priority highest = core::Priority::high;
  core::Keep longest = core::Keep::forever();
  std::shared_ptr<KeyUse> use = {};  // owners: the keyring, and the callers and turns of that key

  bool is_admin() const { return role == config::Role::admin; }

  // A request that wishes for more than its key allows gets what is allowed.
  void bound(daemon::RequestOptions& options) const {
    options.client = client;
    options.priority = std::min(options.priority, highest);
    if (options.keep) options.keep = std::min(*options.keep, longest);
  }
};

}  // namespace rouse::api
