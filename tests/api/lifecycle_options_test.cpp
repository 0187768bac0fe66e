#include "api/lifecycle_options.hpp"

#include <catch2/catch_test_macros.hpp>
#include <initializer_list>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

Result<LifecycleOptions> read(std::initializer_list<http::Field> fields) {
  http::RequestHead head;
  head.fields = fields;
  return read_lifecycle_options(head);
}

TEST_CASE("without headers the defaults hold") {
  const auto options = read({{"Host", "x"}, {"X-Rousing", "1"}, {"X-Rouse-", "1"}});
  REQUIRE(options);
  CHECK_FALSE(options->keep);
  CHECK_FALSE(options->deadline);
  CHECK(options->priority == core::Priority::normal);
  CHECK(options->patience == core::Patience::may_wait);
}

TEST_CASE("every header is read, whatever the case of its name") {
  const auto options = read({{"x-rouse-keep", "5m"},
                             {"X-ROUSE-PRIORITY", "high"},
                             {"X-Rouse-Deadline", "30s"},
                             {"X-Rouse-Load", "only-if-ready"}});
  REQUIRE(options);
  CHECK(options->keep == core::Keep{5min});
  CHECK(options->priority == core::Priority::high);
  CHECK(options->deadline == 30s);
  CHECK(options->patience == core::Patience::only_if_ready);
  CHECK(read({{"X-Rouse-Keep", "0"}})->keep == core::Keep{0s});
  CHECK(read({{"X-Rouse-Keep", "forever"}})->keep == core::Keep::forever());
  CHECK(read({{"X-Rouse-Priority", "low"}})->priority == core::Priority::low);
  CHECK(read({{"X-Rouse-Priority", "normal"}})->priority == core::Priority::normal);
}

TEST_CASE("a header that makes no sense is refused by its name") {
  for (const http::Field& field : std::initializer_list<http::Field>{
           {"X-Rouse-Keep", ""},
           {"X-Rouse-Keep", "5"},
           {"X-Rouse-Keep", "-5m"},
           {"X-Rouse-Keep", "always"},
           {"X-Rouse-Priority", "urgent"},
           {"X-Rouse-Priority", "High"},
           {"X-Rouse-Deadline", "0"},
           {"X-Rouse-Deadline", "30"},
           {"X-Rouse-Deadline", "forever"},
           {"X-Rouse-Load", "never"},
       }) {
    CAPTURE(field.name, field.value);
    const auto options = read({field});
    REQUIRE_FALSE(options);
    CHECK(options.error().code == Code::malformed);
    CHECK(options.error().message.contains(field.name));
  }
}

TEST_CASE("a header that is given twice is refused") {
  const auto options = read({{"X-Rouse-Keep", "5m"}, {"x-rouse-keep", "5m"}});
  REQUIRE_FALSE(options);
  CHECK(options.error().message == "X-Rouse-Keep is given twice");
}

}  // namespace
}  // namespace rouse::api
