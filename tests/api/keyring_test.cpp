#include "api/keyring.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::api {
namespace {

using namespace std::chrono_literals;

config::Key key_of(std::string name, std::string_view secret) {
  return {.name = std::move(name), .hashes = {config::hash_of(secret)}, .at_once = {}, .per_minute = {}};
}

http::RequestHead showing(std::vector<http::Field> fields) {
  http::RequestHead head;
  head.fields = std::move(fields);
  return head;
}

std::string holder(const Keyring& keyring, std::vector<http::Field> fields) {
  KnownHash known;
  const auto caller = keyring.identify(showing(std::move(fields)), "127.0.0.1", known);
  if (!caller) CHECK(caller.error().code == Code::unauthenticated);
  return caller ? caller->key : "nobody";
}

Caller caller_of(const Keyring& keyring, std::string_view secret) {
  KnownHash known;
  const auto caller = keyring.identify(showing({{"x-api-key", secret}}), "127.0.0.1", known);
  REQUIRE(caller);
  return *caller;
}

constexpr TimePoint kStart{100h};

TEST_CASE("without keys everybody is an administrator, whatever they show, told apart by where they come from") {
  const Keyring open({});
  KnownHash known;
  const auto one = open.identify(showing({{"Authorization", "Bearer dummy"}}), "127.0.0.1", known);
  const auto other = open.identify(showing({}), "127.0.0.2", known);
  REQUIRE((one && other));
  CHECK(one->is_admin());
  CHECK(one->client != other->client);
}

TEST_CASE("a connection is whoever its latest request shows, while that key is known") {
  Keyring keyring({key_of("web", "s3cret"), key_of("other", "0ther")});
  KnownHash known;
  const auto name = [&](std::string_view key) {
    const auto caller = keyring.identify(showing({{"x-api-key", key}}), "127.0.0.1", known);
    return caller ? caller->key : "nobody";
  };
  CHECK(name("s3cret") == "web");
  CHECK(name("s3cret") == "web");
  CHECK(name("0ther") == "other");
  CHECK(name("s3cre7") == "nobody");
  CHECK(name("s3cret") == "web");
  keyring.replace({key_of("other", "0ther")});
  CHECK(name("s3cret") == "nobody");
  CHECK(name("") == "nobody");
}

TEST_CASE("a key is found in each header that clients use") {
  const Keyring keyring({key_of("web", "s3cret"), key_of("other", "0ther")});
  CHECK(holder(keyring, {{"Authorization", "Bearer s3cret"}}) == "web");
  CHECK(holder(keyring, {{"authorization", "bearer  s3cret"}}) == "web");
  CHECK(holder(keyring, {{"X-Api-Key", "s3cret"}}) == "web");
  CHECK(holder(keyring, {{"api-key", "0ther"}}) == "other");
  CHECK(holder(keyring, {{"Authorization", "Bearer s3cret"}, {"x-api-key", "s3cret"}}) == "web");
}

TEST_CASE("what is no known key lets nobody in") {
  const Keyring keyring({key_of("web", "s3cret")});
  for (const std::vector<http::Field>& fields : std::vector<std::vector<http::Field>>{
           {},
           {{"Authorization", "Bearer"}},
           {{"Authorization", "Bearer "}},
           {{"Authorization", "Basic s3cret"}},
           {{"Authorization", "s3cret"}},
           {{"Authorization", "Bearer S3cret"}},
           {{"Authorization", "Bearer s3cret2"}},
           {{"Authorization", "Bearer s3cre"}},
           {{"x-api-key", ""}},
           {{"Cookie", "s3cret"}},
           {{"Authorization", "Bearer sha256:1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"}},
           {{"Authorization", "Bearer s3cret"}, {"x-api-key", "else"}},
           {{"Authorization", "Bearer else"}, {"Authorization", "Bearer s3cret"}},
       }) {
    CAPTURE(fields.empty() ? "nothing" : fields[0].value);
    CHECK(holder(keyring, fields) == "nobody");
  }
}

TEST_CASE("a key with two hashes answers to both, so that it can be exchanged") {
  config::Key key = key_of("web", "old");
  key.hashes.push_back(config::hash_of("new"));
  const Keyring keyring({key});
  CHECK(caller_of(keyring, "old").client == caller_of(keyring, "new").client);
}

TEST_CASE("a caller's wishes end where their key does") {
  config::Key key = key_of("web", "s");
  key.priority = core::Priority::low;
  key.keep = {10min};
  const Caller caller = caller_of(Keyring({key}), "s");
  daemon::RequestOptions options;
  options.priority = core::Priority::high;
  options.keep = core::Keep::forever();
  caller.bound(options);
  CHECK(options.priority == core::Priority::low);
  CHECK(options.keep == core::Keep{10min});
  CHECK(options.client == caller.client);
  options.keep = core::Keep{1min};
  caller.bound(options);
  CHECK(options.keep == core::Keep{1min});
  options.keep.reset();
  caller.bound(options);
  CHECK_FALSE(options.keep);
}

TEST_CASE("as many requests at once as the key says, and one more when one has ended") {
  config::Key key = key_of("web", "s");
  key.at_once = 2;
  const Keyring keyring({key, key_of("other", "o")});
  const Caller caller = caller_of(keyring, "s");
  auto first = Keyring::begin(caller, kStart);
  auto second = Keyring::begin(caller_of(keyring, "s"), kStart);
  REQUIRE((first && second));
  const auto third = Keyring::begin(caller, kStart);
  REQUIRE_FALSE(third);
  CHECK(third.error().status() == 429);
  CHECK(retry_after_seconds(third.error()) == 1);
  CHECK(Keyring::begin(caller_of(keyring, "o"), kStart));
  first = KeyLease();
  CHECK(Keyring::begin(caller, kStart));
}

TEST_CASE("as many requests a minute as the key says, and Retry-After says when the next is due") {
  config::Key key = key_of("web", "s");
  key.per_minute = 6;
  const Keyring keyring({key});
  const Caller caller = caller_of(keyring, "s");
  for (int i = 0; i < 6; ++i) CHECK(Keyring::begin(caller, kStart));
  const auto seventh = Keyring::begin(caller, kStart + 3s);
  REQUIRE_FALSE(seventh);
  CHECK(retry_after_seconds(seventh.error()) == 7);
  CHECK(Keyring::begin(caller, kStart + 10s));
  CHECK_FALSE(Keyring::begin(caller, kStart + 10s));
  // Over ten minutes it is no more than that in all, however it is tried.
  int let_in = 0;
  for (TimePoint now = kStart + 10s; now < kStart + 610s; now += 500ms) let_in += Keyring::begin(caller, now) ? 1 : 0;
  CHECK(let_in == 59);
}

TEST_CASE("new keys count at once, old ones no longer, and what was under way still counts") {
  config::Key key = key_of("web", "old");
  key.at_once = 1;
  Keyring keyring({key});
  auto running = Keyring::begin(caller_of(keyring, "old"), kStart);
  REQUIRE(running);
  config::Key changed = key_of("web", "new");
  changed.at_once = 2;
  keyring.replace({changed});
  CHECK(holder(keyring, {{"x-api-key", "old"}}) == "nobody");
  auto second = Keyring::begin(caller_of(keyring, "new"), kStart);
  CHECK(second);
  CHECK_FALSE(Keyring::begin(caller_of(keyring, "new"), kStart));
  keyring.replace({});  // while two are under way
  second = KeyLease();
  running = KeyLease();
  CHECK(holder(keyring, {}) == "");
}

}  // namespace
}  // namespace rouse::api
