#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <format>
#include <set>

#include "config/key.hpp"
#include "from_text.hpp"

namespace rouse::config {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

constexpr std::string_view kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string hash(std::string_view key) { return to_string(hash_of(key)); }

TEST_CASE("a key's hash is its SHA-256") {
  CHECK(hash("abc") == kAbc);
  CHECK(hash("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash(std::string(56, 'a')) == "sha256:b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
}

TEST_CASE("a hash is read as it is written, and nothing else is") {
  CHECK(parse_key_hash(kAbc) == hash_of("abc"));
  CHECK(parse_key_hash("sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD") == hash_of("abc"));
  for (const std::string& wrong : {std::string(kAbc) + "0", std::string(kAbc.substr(7)),
                                   std::string(kAbc.substr(0, 70)), "sha512" + std::string(kAbc.substr(6)),
                                   std::string("sha256:"), std::string(), std::string(kAbc.substr(0, 70)) + "g"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_key_hash(wrong));
  }
}

TEST_CASE("hashes that differ in one bit differ") {
  const KeyHash one = hash_of("abc");
  for (std::size_t bit = 0; bit < 256; ++bit) {
    KeyHash other = one;
    other.sha256[bit / 8] ^= static_cast<unsigned char>(1U << (bit % 8));
    CHECK_FALSE(one == other);
  }
}

TEST_CASE("new keys are all different and fit for a header") {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const auto key = new_key();
    REQUIRE(key);
    CHECK(key->size() == 6 + 43);
    CHECK(key->starts_with("rouse_"));
    CHECK(key->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    keys.insert(*key);
  }
  CHECK(keys.size() == 100);
}

TEST_CASE("keys are read with what their holders may do") {
  const auto config = parse(std::format(R"(listen: 0.0.0.0:11450
hosts: [gpu-box.lan]
keys:
  web: {{hash: {0}, role: use, priority: low, keep: 10m, at_once: 4, per_minute: 60}}
  ops@lan:
    hash: [{1}, "{2}"]
    role: admin
)",
                                        hash("1"), hash("2"), hash("3")));
  REQUIRE(config);
  REQUIRE(config->keys.size() == 2);
  CHECK(config->keys[0] == Key{.name = "ops@lan",
                               .hashes = {hash_of("2"), hash_of("3")},
                               .role = Role::admin,
                               .at_once = {},
                               .per_minute = {}});
  CHECK(config->keys[1] == Key{.name = "web",
                               .hashes = {hash_of("1")},
                               .priority = core::Priority::low,
                               .keep = {10min},
                               .at_once = 4,
                               .per_minute = 60});
  CHECK(config->hosts == Lines{"gpu-box.lan"});
  CHECK(why_too_open(*config).empty());
}

TEST_CASE("a key says by default that its holder may use models as they like") {
  const auto config = parse("keys: {web: {hash: " + std::string(kAbc) + "}}");
  REQUIRE(config);
  const Key& key = config->keys.at(0);
  CHECK(key.role == Role::use);
  CHECK(key.priority == core::Priority::high);
  CHECK(key.keep.is_forever());
  CHECK_FALSE((key.at_once || key.per_minute));
}

TEST_CASE("what is wrong with a key is told, and a secret is not repeated") {
  const std::string expected = "hash: expected sha256: and 64 hexadecimal digits, as `rouse key new` prints them";
  CHECK(problems("keys: {web: {hash: sha256:12}}") == Lines{"1:20: " + expected});
  CHECK(problems("keys: {web: {hash: []}}") == Lines{"1:20: " + expected});
  CHECK(problems("keys: {web: {hash: rouse_secret}}") ==
        Lines{"1:20: hash: this is the key itself; give it to its holder and write its hash here"});
  CHECK(problems("keys: {web: {}}") == Lines{"1:8: key \"web\" has no hash; make one with: rouse key new"});
  CHECK(
      problems("keys: {a b: {hash: " + std::string(kAbc) + "}}") ==
      Lines{
          "1:8: \"a b\" cannot name a key; expected at most 64 letters, digits and . _ - @, beginning with a letter or "
          "digit"});
  CHECK(problems(std::format("keys:\n  a: {{hash: {0}}}\n  b: {{hash: [{0}]}}\n", kAbc)) ==
        Lines{"3:3: keys \"a\" and \"b\" have the same hash; each holder needs a key of their own"});
  CHECK(problems(std::format("keys: {{a: {{hash: {}, role: root}}}}", kAbc)) ==
        Lines{"1:97: role: expected use or admin, found \"root\""});
  CHECK(problems("hosts: ['a:1', '', -x]").size() == 3);
}

}  // namespace
}  // namespace rouse::config
