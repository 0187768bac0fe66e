// One line for each answer, if the configuration wants it (log: {access: true}): who asked for what, the status, the
// bytes, and where the time went.
#pragma once

#include "api/parts.hpp"
#include "api/reply.hpp"

namespace rouse::api {

// Writes the line when it is destroyed, however the handler ended. Lives in the handler's coroutine.
class AccessLine {
 public:
  AccessLine(const Parts& parts, Reply& reply) : parts_(parts), reply_(reply) {}
  ~AccessLine();
  AccessLine(const AccessLine&) = delete;
  AccessLine& operator=(const AccessLine&) = delete;

 private:
  const Parts& parts_;
  Reply& reply_;
};

}  // namespace rouse::api
