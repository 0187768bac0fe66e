#include "api/request_body.hpp"

#include <array>
#include <format>

namespace rouse::api {

Result<RequestBody> read_request_body(std::string_view body) {
  std::array wanted{Wanted{"model"}, Wanted{"stream"}};
  if (auto scanned = scan_object(body, wanted); !scanned) return std::unexpected(std::move(scanned.error()));
  const auto& [model, stream] = wanted;

  RequestBody request;
  request.model_member = model.member;
  if (stream.member.found()) {
    const std::string_view value = stream.member.value_in(body);
    if (value != "true" && value != "false" && value != "null") {
      return fail(Code::malformed, "\"stream\" must be true or false");
    }
    request.stream = value == "true";
  }
  if (!model.member.found()) return request;
  const std::string_view quoted = model.member.value_in(body);
  if (!quoted.starts_with('"')) return fail(Code::malformed, "\"model\" must be a string");
  if (quoted.size() > 6 * kLongestModelName + 2) return fail(Code::malformed, "\"model\" is too long to be a name");
  auto name = decode_string(quoted);
  if (!name) return fail(Code::malformed, "\"model\" is not valid text: " + name.error().message);
  if (name->empty()) return fail(Code::malformed, "\"model\" is empty");
  if (name->size() > kLongestModelName) return fail(Code::malformed, "\"model\" is too long to be a name");
  request.model = std::move(*name);
  return request;
}

}  // namespace rouse::api
