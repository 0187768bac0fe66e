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
  CHECK_FALSE(options->priority);
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

std::optional<core::Keep> keep_alive(std::string_view text) {
  LifecycleOptions options;
  if (!read_lifecycle_field("keep_alive", text, options)) return std::nullopt;
  return options.keep;
}

TEST_CASE("keep_alive is what Ollama's is, and what ours is") {
  CHECK(keep_alive("0") == core::Keep{0s});
  CHECK(keep_alive("300") == core::Keep{5min});
  CHECK(keep_alive("0.5") == core::Keep{500ms});
  CHECK(keep_alive("5m") == core::Keep{5min});
  for (const std::string_view text : {"-1", "-1m", "-0.5", "forever", "1e12"})
    CHECK(keep_alive(text) == core::Keep::forever());
  for (const std::string_view text : {"", "-", "-x", "always", "nan", "inf", "5 m"}) CHECK_FALSE(keep_alive(text));
}

TEST_CASE("a priority that is a number is the engine's") {
  LifecycleOptions options;
  CHECK(read_lifecycle_field("priority", "3", options) == false);
  CHECK_FALSE(options.priority);
  CHECK(read_lifecycle_field("priority", "low", options) == true);
  CHECK(options.priority == core::Priority::low);
}

TEST_CASE("headers and body add up, unless they contradict each other") {
  LifecycleOptions headers;
  headers.keep = core::Keep{5min};
  headers.patience = core::Patience::only_if_ready;
  LifecycleOptions body;
  body.deadline = 3s;
  body.keep = core::Keep{300s};
  const auto both = combined(headers, body);
  REQUIRE(both);
  CHECK(both->keep == core::Keep{5min});
  CHECK(both->deadline == 3s);
  CHECK(both->patience == core::Patience::only_if_ready);
  body.keep = core::Keep{0s};
  const auto torn = combined(headers, body);
  REQUIRE_FALSE(torn);
  CHECK(torn.error().message.contains("keep_alive"));
}

}  // namespace
}  // namespace rouse::api
