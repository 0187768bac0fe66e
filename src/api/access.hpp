// Who may talk to us from where: keeps web pages away. A page of a foreign site betrays itself by its Origin; one whose
// name was pointed at this machine (DNS rebinding), by its Host; a form, by its content type.
//
// A value, made once. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/head.hpp"

namespace rouse::api {

class Access {
 public:
  // localhost, 127.0.0.1 and [::1] are always known; `more_hosts` are the names and addresses we are reached by
  // besides, without ports. Among them 0.0.0.0 or :: makes every numeric Host known: no DNS can point a number at us.
  explicit Access(std::vector<std::string> more_hosts);

  // Fails with forbidden for an unknown Host or a foreign Origin, and for an act that a browser says comes from another
  // site without naming its Origin. A client on a Unix socket is no browser, so that its
  // Host does not matter.
  Result<void> check(const http::RequestHead& head, std::string_view peer) const;

 private:
  bool knows(std::string_view authority) const;

  std::vector<std::string> hosts_;
  bool any_address_ = false;
};

// Fail with unsupported_media unless the one content type is application/json, or that or multipart/form-data. A DELETE
// needs none: no form can send one.
Result<void> require_json(const http::RequestHead& head);
Result<void> require_json_or_form(const http::RequestHead& head);

}  // namespace rouse::api
