// Makes a connection to an upstream, within a time.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/address.hpp"
#include "http/deadlines.hpp"
#include "http/stream.hpp"
#include "http/task.hpp"
#include "http/tls.hpp"

namespace rouse::http {

// Fails with upstream_failed, untrusted, or unavailable (we have no descriptor left). Tries each address that a name
// resolves to. `nobody_listens`: set to whether it failed because nobody does there, and not for want of time, of room
// or of descriptors.
Task<Result<StreamPtr>> connect(boost::asio::io_context& io, Deadlines& deadlines, TlsTrust& trust, Address address,
                                TimePoint until, bool* nobody_listens);

}  // namespace rouse::http
