#include "config/changes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "from_text.hpp"

namespace rouse::config {
namespace {

constexpr std::string_view kBefore = R"(
models:
  chat: {engine: llama, source: chat.gguf}
  embed: {engine: llama, source: embed.gguf}
  old: {engine: llama, source: old.gguf}
)";

Changes since(std::string_view text) { return changes(parse(kBefore).value(), parse(text).value()); }

TEST_CASE("the same configuration, moved about in its file, has not changed") {
  const Changes none = since(R"(
# A comment more.
models:
  old: {engine: llama, source: old.gguf}

  embed: {source: embed.gguf, engine: llama}
  chat: {engine: llama, source: /etc/rouse/chat.gguf}
)");
  CHECK(none == Changes{});
  CHECK(to_string(none) == "nothing changed");
}

TEST_CASE("models are added, changed and removed by name") {
  const Changes found = since(R"(
models:
  chat: {engine: llama, source: chat.gguf, keep: 1m}
  embed: {engine: llama, source: embed.gguf}
  new: {engine: llama, source: old.gguf}
)");
  CHECK(found == Changes{{"new"}, {"chat"}, {"old"}, {}, {}});
  CHECK(to_string(found) == "added new; removed old; changed chat");
}

TEST_CASE("another number of a group changes no model, another group of a model does") {
  const auto with = [](int pictures, std::string_view group) {
    return parse(std::format("groups: {{a: {{max_loaded: {}}}, b: {{max_loaded: 1}}}}\nmodels: {{m: {{engine: llama, "
                             "source: m, group: {}}}}}",
                             pictures, group))
        .value();
  };
  CHECK(changes(with(1, "a"), with(2, "a")) == Changes{{}, {}, {}, {"groups"}, {}});
  CHECK(changes(with(1, "a"), with(1, "b")) == Changes{{}, {"m"}, {}, {}, {}});
}

TEST_CASE("a default that reaches a model changes it") {
  const std::string text = "defaults: {priority: high}" + std::string(kBefore);
  CHECK(since(text) == Changes{{}, {"chat", "embed", "old"}, {}, {}, {}});
}

TEST_CASE("sections are named, and what waits for a restart") {
  const std::string text =
      "listen: 127.0.0.1:1\nhosts: [here]\nadmin_socket: /x.sock\nbudgets: {host: {limit: 1GiB}}\ndefaults: {deadline: "
      "1m}\npolicy: {eviction: lru}\n"
      "limits: {drain: 1s}" +
      std::string(kBefore);
  const Changes found = since(text);
  CHECK(found ==
        Changes{{}, {}, {}, {"budgets", "defaults.deadline", "policy", "limits", "hosts"}, {"listen", "admin_socket"}});
  CHECK(to_string(found) ==
        "changed budgets, defaults.deadline, policy, limits, hosts; listen, admin_socket: from the next start on");
}

}  // namespace
}  // namespace rouse::config
