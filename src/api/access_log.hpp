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

// The line of a head that was no request, and so has neither a method nor a path.
void log_refused_head(const Parts& parts, const http::Handler::Unanswered& what, std::string_view id);

}  // namespace rouse::api
