#include "api/reply.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

std::string id_for(std::string_view given, std::uint64_t seed = 1) {
  http::RequestHead head;
  head.fields = {{"x-request-id", given}};
  return request_id(head, seed);
}

TEST_CASE("a client's own request id is kept when it is fit to be printed") {
  CHECK(id_for("trace-17/a:b_c.d+e=f@g") == "trace-17/a:b_c.d+e=f@g");
  CHECK(id_for(std::string(128, 'x')) == std::string(128, 'x'));
}

TEST_CASE("any other gets a new one") {
  for (const std::string& given : {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\tb"),
                                   std::string("\xC3\xA9"), std::string("a\"b")}) {
    CAPTURE(given);
    const std::string id = id_for(given);
    CHECK(id != given);
    CHECK(id.size() == 15);
    CHECK(id.starts_with("req-"));
  }
  CHECK(id_for("", 1) != id_for("", 2));
}

}  // namespace
}  // namespace rouse::api
