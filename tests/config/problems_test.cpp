// Every kind of mistake, and the exact words and place it is told with.
#include <catch2/catch_test_macros.hpp>

#include "from_text.hpp"

namespace rouse::config {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view kNameRule =
    "at most 200 letters, digits and . _ - : /, beginning with a letter or digit, without an empty part, \".\" or "
    "\"..\" between slashes";

// The problems of one model's keys, which stand from line 4 on, at column 5.
Lines model_problems(std::string_view keys) {
  const std::string text = "models:\n  chat:\n    engine: llama\n    source: m.gguf\n" + std::string(keys);
  return problems(text);
}

TEST_CASE("an unknown key is told with the nearest known one") {
  CHECK(problems("lisen: 127.0.0.1:1\n") == Lines{"1:1: unknown key \"lisen\" in the file; did you mean \"listen\"?"});
  CHECK(problems("budgets:\n  gpus: {}\n") ==
        Lines{"2:3: unknown key \"gpus\" in budgets; did you mean \"gpu\" or \"gpu0\"?"});
  CHECK(problems("budgets: {host: {limits: 1}}") ==
        Lines{"1:18: unknown key \"limits\" in the budget of \"host\"; did you mean \"limit\"?"});
  CHECK(problems("policy: {patients: 1s}") ==
        Lines{"1:10: unknown key \"patients\" in policy; did you mean \"patience\"?"});
  CHECK(problems("limits: {bodi: 1}") == Lines{"1:10: unknown key \"bodi\" in limits; did you mean \"body\"?"});
  CHECK(problems("defaults: {kep: 1s}") == Lines{"1:12: unknown key \"kep\" in defaults; did you mean \"keep\"?"});
  CHECK(problems("engines: {lama: {}}") == Lines{"1:11: unknown key \"lama\" in engines; did you mean \"llama\"?"});
  CHECK(model_problems("    contxt: 1\n") ==
        Lines{"5:5: unknown key \"contxt\" in model \"chat\"; did you mean \"context\"?"});
  CHECK(model_problems("    lora: [{pat: a}]\n") ==
        Lines{"5:12: a lora adapter needs a path",
              "5:13: unknown key \"pat\" in a lora adapter; did you mean \"path\"?"});
  CHECK(model_problems("    footprint: {hots: 1}\n") ==
        Lines{"5:17: unknown key \"hots\" in footprint; did you mean \"host\"?"});
}

TEST_CASE("an unknown key that is like none is told with all of them") {
  CHECK(problems("colour: red\n") ==
        Lines{"1:1: unknown key \"colour\" in the file; expected listen, hosts, keys, admin_socket, budgets, defaults, "
              "engines, policy, limits, log, groups, models or state"});
}

TEST_CASE("a key that would do nothing is unknown") {
  for (const char* key : {"url", "sleep", "trim", "grace", "listen", "env"}) {
    const Lines lines = model_problems("    " + std::string(key) + ": 1\n");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("5:5: unknown key \"" + std::string(key) + "\" in model \"chat\""));
  }
}

TEST_CASE("a key that is there twice is told with where it was") {
  CHECK(problems("listen: 127.0.0.1:1\nmodels: {}\nlisten: 127.0.0.1:2\n") ==
        Lines{"3:1: duplicate key \"listen\" in the file; it is in line 1 already"});
  CHECK(problems("models:\n  a: {engine: llama, source: a}\n  a: {engine: llama, source: b}\n") ==
        Lines{"3:3: duplicate key \"a\" in models; it is in line 2 already"});
}

TEST_CASE("twins are found among many models too") {
  std::string text = "defaults: {engine: llama}\nmodels:\n";
  for (int i = 0; i < 100; ++i) text += "  m" + std::to_string(i) + ": {source: m}\n";
  CHECK(problems(text).empty());
  CHECK(problems(text + "  m7: {source: n}\n") ==
        Lines{"103:3: duplicate key \"m7\" in models; it is in line 10 already"});
}

TEST_CASE("sizes are told apart from what is none") {
  CHECK(problems("limits: {body: 1Gig}") ==
        Lines{"1:16: body: expected a size such as 512MiB or 8GiB, found \"1Gig\""});
  CHECK(problems("limits: {body: -1}") == Lines{"1:16: body: expected a size such as 512MiB or 8GiB, found \"-1\""});
  CHECK(problems("limits: {body: 1}") == Lines{"1:16: body: expected a size of at least 1 KiB, found \"1\""});
  CHECK(problems("limits: {body: [1]}") == Lines{"1:16: body: expected a size such as 512MiB or 8GiB, found a list"});
  CHECK(model_problems("    footprint: {host: 0}\n") ==
        Lines{"5:23: host: expected a size of at least 1 B, found \"0\""});
  for (const char* limit : {"101%", "-1%", "80 %", "80%%", "a%", "8Gb", "\"\""}) {
    CAPTURE(limit);
    const std::string shown = limit == std::string("\"\"") ? limit : '"' + std::string(limit) + '"';
    CHECK(problems("budgets: {host: {limit: " + std::string(limit) + "}}") ==
          Lines{"1:25: limit: expected a size such as 8GiB or a share from 0% to 100%, found " + shown});
  }
}

TEST_CASE("durations are told apart from what is none") {
  CHECK(problems("defaults: {deadline: 5}") ==
        Lines{"1:22: deadline: expected a duration such as 250ms, 30s, 5m or 1h30m, found \"5\""});
  CHECK(problems("limits: {idle: 0}") == Lines{"1:16: idle: expected a duration of at least 1s, found \"0\""});
  CHECK(problems("policy: {slice: forever}") ==
        Lines{"1:17: slice: expected a duration such as 250ms, 30s, 5m or 1h30m, found \"forever\""});
  CHECK(model_problems("    keep: 5 minutes\n") ==
        Lines{"5:11: keep: expected 0, a duration such as 30s, 5m or 1h30m, or forever, found \"5 minutes\""});
  CHECK(model_problems("    keep: [5m]\n") ==
        Lines{"5:11: keep: expected 0, a duration such as 30s, 5m or 1h30m, or forever, found a list"});
}

TEST_CASE("a remote model has a url that can be asked, and nothing of what is loaded") {
  const auto wrong = [](std::string_view keys) {
    return problems("models: {m: {engine: remote, " + std::string(keys) + "}}");
  };
  for (const char* url :
       {"ftp://x", "x:80", "http://", "http://u:p@x", "http://x?a=b", "http://x#a", "http://x:0", "\"\"", "[a]"}) {
    CAPTURE(url);
    const auto found = wrong("url: " + std::string(url));
    REQUIRE(found.size() == 1);
    CHECK(found[0].contains("url: expected http://HOST:PORT, https://HOST:PORT or unix:/PATH"));
  }
  CHECK(wrong("url: \"https://x\", ca_file: a.pem").empty());
  CHECK(wrong("url: \"http://x\", ca_file: a.pem") ==
        Lines{"1:10: model \"m\" has a ca_file, which is for https alone"});
  CHECK(wrong("url: \"unix:x.sock\"").size() == 1);
  CHECK(wrong("") ==
        Lines{"1:10: model \"m\" has no url; expected url: http://HOST:PORT, https://HOST:PORT or unix:/PATH"});
  CHECK(wrong("url: \"http://x\", key_env: NO_SUCH_KEY") ==
        Lines{"1:56: key_env: the environment variable \"NO_SUCH_KEY\" is not set"});
  for (const char* key : {"keep: 5m", "footprint: {host: 1GiB}", "pinned: true", "source: a.gguf"}) {
    const auto found = wrong("url: \"http://x\", " + std::string(key));
    REQUIRE(found.size() == 1);
    CHECK(found[0].contains("unknown key"));
  }
  CHECK(model_problems("    url: http://x\n").size() == 1);
}

TEST_CASE("a name for the engine is text without control characters") {
  for (const char* text : {"\"\"", "\"a\\nb\"", "[a]"}) {
    CAPTURE(text);
    const auto found = model_problems("    upstream_model: " + std::string(text) + "\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].contains("the name that the engine knows the model by"));
  }
}

TEST_CASE("whole numbers have their ranges") {
  CHECK(model_problems("    context: 0\n") ==
        Lines{"5:14: context: expected a whole number from 1 to 1073741824, found \"0\""});
  CHECK(model_problems("    context: 8k\n") ==
        Lines{"5:14: context: expected a whole number from 1 to 1073741824, found \"8k\""});
  CHECK(model_problems("    parallel: 257\n") ==
        Lines{"5:15: parallel: expected a whole number from 1 to 256, found \"257\""});
  CHECK(model_problems("    threads: -1\n") ==
        Lines{"5:14: threads: expected a whole number from 1 to 1024, found \"-1\""});
  CHECK(model_problems("    threads: 1.5\n") ==
        Lines{"5:14: threads: expected a whole number from 1 to 1024, found \"1.5\""});
  CHECK(model_problems("    concurrency: 99999999999\n") ==
        Lines{"5:18: concurrency: expected a whole number from 1 to 65536, found \"99999999999\""});
  CHECK(model_problems("    queue_limit: {}\n") ==
        Lines{"5:18: queue_limit: expected a whole number from 0 to 1000000, found a map"});
  CHECK(problems("limits: {connections: 0}") ==
        Lines{"1:23: connections: expected a whole number from 1 to 1000000, found \"0\""});
}

TEST_CASE("a boolean is true or false and nothing else") {
  for (const char* word : {"yes", "True", "1", "on"}) {
    CHECK(model_problems("    pinned: " + std::string(word) + "\n") ==
          Lines{"5:13: pinned: expected true or false, found \"" + std::string(word) + "\""});
  }
}

TEST_CASE("a number is finite") {
  for (const char* word : {"one", "inf", "nan", "1e999", "1,5"}) {
    CHECK(model_problems("    lora:\n    - path: a\n      scale: " + std::string(word) + "\n") ==
          Lines{"7:14: scale: expected a number such as 1 or 0.5, found \"" + std::string(word) + "\""});
  }
}

TEST_CASE("a word that is not one of the choices is told with the nearest") {
  CHECK(model_problems("    priority: hgih\n") ==
        Lines{"5:15: priority: expected low, normal or high, found \"hgih\"; did you mean \"high\"?"});
  CHECK(model_problems("    priority: 7\n") == Lines{"5:15: priority: expected low, normal or high, found \"7\""});
  CHECK(model_problems("    load_mode: mmaap\n") ==
        Lines{"5:16: load_mode: expected auto, none, mmap, mlock, mmap+mlock or dio, found \"mmaap\"; did you mean "
              "\"mmap\"?"});
  CHECK(problems("policy: {eviction: lfu}") ==
        Lines{"1:20: eviction: expected gdsf or lru, found \"lfu\"; did you mean \"lru\"?"});
  CHECK(problems("models: {m: {engine: vllm, source: m}}") ==
        Lines{"1:22: engine: expected llama, command or remote, found \"vllm\""});
}

TEST_CASE("a value that is not there is told at its key") {
  CHECK(model_problems("    context:\n    keep: ~\n    mmproj: null\n    args: [a, ~]\n") ==
        Lines{"5:5: context: expected a whole number from 1 to 1073741824, found nothing",
              "6:11: keep: expected 0, a duration such as 30s, 5m or 1h30m, or forever, found nothing",
              "7:13: mmproj: expected a path, found nothing", "8:15: args: expected text, found nothing"});
}

TEST_CASE("lists and maps are told apart") {
  CHECK(problems("models: [a, b]\n") == Lines{"1:9: models: expected a map of keys and values, found a list"});
  CHECK(problems("models: {chat: chat.gguf}\n") ==
        Lines{"1:16: chat: expected a map of keys and values, found \"chat.gguf\""});
  CHECK(problems("just text\n") == Lines{"1:1: the file: expected a map of keys and values, found \"just text\""});
  CHECK(model_problems("    aliases: gpt\n") == Lines{"5:14: aliases: expected a list of names, found \"gpt\""});
  CHECK(model_problems("    args: --flag\n") ==
        Lines{"5:11: args: expected a list such as [--flash-attn, \"on\"], found \"--flag\""});
  CHECK(model_problems("    lora: a.gguf\n") ==
        Lines{"5:11: lora: expected a list such as [{path: adapter.gguf, scale: 1.0}], found \"a.gguf\""});
  CHECK(model_problems("    lora: [a.gguf, ~]\n") ==
        Lines{"5:12: lora: expected a map of keys and values, found \"a.gguf\"",
              "5:20: lora: expected {path: …}, found nothing"});
  CHECK(model_problems("    source2: {}\n    <<: [1]\n") ==
        Lines{"5:5: unknown key \"source2\" in model \"chat\"; did you mean \"source\"?",
              "6:9: <<: expected one map named before (&name), as *name, found a list"});
}

TEST_CASE("a model needs an engine, a source and a name that can be one") {
  CHECK(problems("models:\n  chat:\n") ==
        Lines{"2:3: model \"chat\" has no engine; expected engine: llama, command or remote",
              "2:3: model \"chat\" has no source; expected source: a GGUF file"});
  CHECK(problems("models:\n  a b: {engine: llama, source: m}\n") ==
        Lines{"2:3: \"a b\" cannot name a model; expected " + std::string(kNameRule)});
  for (const char* name : {"-a", "a//b", "a/", "a/../b", "./a", "ä", "a\\nb"}) {
    CAPTURE(name);
    CHECK(problems("models:\n  \"" + std::string(name) + "\": {engine: llama, source: m}\n").size() == 1);
  }
  const std::string longest(200, 'a');
  CHECK(problems("models: {" + longest + ": {engine: llama, source: m}}").empty());
  CHECK(problems("models: {" + longest + "a: {engine: llama, source: m}}").size() == 1);
}

TEST_CASE("a group needs a number from 1 on, and a model one that is there") {
  CHECK(problems("groups:\n  pictures: {max_loaded: 0}\n") ==
        Lines{"2:26: max_loaded: expected a whole number from 1 to 65536, found \"0\""});
  CHECK(problems("groups:\n  pictures:\n  a b: {max_loaded: 1}\n  c: {max: 1}\n") ==
        Lines{"2:3: group \"pictures\" has no max_loaded; expected max_loaded: how many of its models may be loaded at "
              "once, such as 1",
              "3:3: \"a b\" cannot name a group; expected at most 64 letters, digits and . _ - @, beginning with a "
              "letter or digit",
              "4:3: group \"c\" has no max_loaded; expected max_loaded: how many of its models may be loaded at once, "
              "such as 1",
              "4:7: unknown key \"max\" in group \"c\"; did you mean \"max_loaded\"?"});
  const std::string groups = "groups: {pictures: {max_loaded: 1}, sounds: {max_loaded: 2}}\n";
  const std::string model = "models:\n  a:\n    engine: llama\n    source: m\n    group: ";
  CHECK(problems(model + "sounds\n" + groups).empty());
  CHECK(problems(model + "picture\n" + groups) ==
        Lines{"5:12: group: there is no group \"picture\"; did you mean \"pictures\"?"});
  CHECK(problems(model + "x\n" + groups) == Lines{"5:12: group: there is no group \"x\"; expected pictures or sounds"});
  CHECK(problems(model + "x\n") ==
        Lines{"5:12: group: there is no group \"x\"; there are none; expected groups: {NAME: {max_loaded: 1}}"});
  CHECK(problems("groups: {gpu0: {max_loaded: 1}}\n") ==
        Lines{"1:10: \"gpu0\" is a device and cannot name a group; call it, for example, \"gpu0-models\""});
  CHECK(problems(
            "models:\n  a: {engine: command, command: [x, \"{socket}\"], footprint: {host: 1}, trim: {path: /t, body: "
            "\"{level\"}}\n") == Lines{"2:95: body: expected JSON such as '{\"level\": 1}', found \"{level\""});
  CHECK(problems("groups: {g: {max_loaded: 1}}\nmodels:\n  a: {engine: remote, url: 'http://x', group: g}\n")[0]
            .starts_with("3:40: unknown key \"group\" in remote model \"a\""));
}

TEST_CASE("a name leads to one model only") {
  CHECK(problems(R"(defaults: {engine: llama}
models:
  a: {source: a, aliases: [b, gpt, gpt]}
  b: {source: b, aliases: [gpt, a b, b]}
)") == Lines{"3:28: alias \"b\" of model \"a\" is the name of model \"b\" already (line 4)",
             "3:36: alias \"gpt\" of model \"a\" is an alias of model \"a\" already (line 3)",
             "4:28: alias \"gpt\" of model \"b\" is an alias of model \"a\" already (line 3)",
             "4:33: \"a b\" cannot be an alias; expected " + std::string(kNameRule),
             "4:38: alias \"b\" of model \"b\" is the name of model \"b\" already (line 4)"});
}

TEST_CASE("nobody listens beyond loopback without keys") {
  for (const char* place : {"0.0.0.0:80", "[::]:80", "192.168.1.5:80"}) {
    CHECK(problems(std::format("listen: '{}'", place)) ==
          Lines{std::format(
              "1:9: listen: other machines can reach {}, and nobody has to show a key; make keys with `rouse "
              "key new` or listen on 127.0.0.1",
              place)});
  }
  CHECK(problems("listen: example.org:80") ==
        Lines{"1:9: listen: expected an address such as 127.0.0.1:11450 or \"[::1]:11450\", found \"example.org:80\""});
}

TEST_CASE("all mistakes are told at once, in the order of the file") {
  CHECK(problems(R"(models:
  chat:
    engine: llama
    source: chat.gguf
    contxt: 4096
    keep: 5 minutes
  embed:
    engine: lama
    source: ${NOWHERE}/e.gguf
    pinned: yes
limit: {}
listen: everywhere
)") == Lines{"5:5: unknown key \"contxt\" in model \"chat\"; did you mean \"context\"?",
             "6:11: keep: expected 0, a duration such as 30s, 5m or 1h30m, or forever, found \"5 minutes\"",
             "8:13: engine: expected llama, command or remote, found \"lama\"; did you mean \"llama\"?",
             "9:13: the environment variable NOWHERE is not set; set it, or write ${NOWHERE:-default}",
             "10:13: pinned: expected true or false, found \"yes\"",
             "11:1: unknown key \"limit\" in the file; did you mean \"limits\"?",
             "12:9: listen: expected an address such as 127.0.0.1:11450 or \"[::1]:11450\", found \"everywhere\""});
}

TEST_CASE("a mistake in an anchor's value is told once, where it stands") {
  CHECK(problems("models:\n  a: &a {engine: llama, source: m, keep: x}\n  b: {<<: *a}\n  c: *a\n") ==
        Lines{"2:42: keep: expected 0, a duration such as 30s, 5m or 1h30m, or forever, found \"x\""});
}

TEST_CASE("columns count characters, not bytes") {
  CHECK(problems("limits: {\"ü…😀\": 1, idle: x}") ==
        Lines{"1:10: unknown key \"ü…😀\" in limits; expected body, header, connections, queue, idle, receive, send, "
              "drain, buffered or connections_per_address",
              "1:26: idle: expected a duration such as 250ms, 30s, 5m or 1h30m, found \"x\""});
}

TEST_CASE("what was found is shown on one line and shortened") {
  CHECK(problems("limits: {idle: \"a\\nb\\e[31m\"}") ==
        Lines{"1:16: idle: expected a duration such as 250ms, 30s, 5m or 1h30m, found \"a\\x0ab\\x1b[31m\""});
  const std::string shown(80, 'x');
  CHECK(problems("limits: {idle: " + shown + "yyy}") ==
        Lines{"1:16: idle: expected a duration such as 250ms, 30s, 5m or 1h30m, found \"" + shown + "…\""});
}

TEST_CASE("YAML's own mistakes are told with their place") {
  CHECK(problems("models:\n  chat: {engine: llama\nlisten: x\n") == Lines{"2:9: this \"{\" is never closed"});
  CHECK(problems("models:\n\tchat: 1\n") == Lines{"2:1: a tab in the indentation; use spaces"});
}

TEST_CASE("a fallback that is no model is told, with what may have been meant") {
  CHECK(problems(R"(defaults: {engine: llama}
models:
  chat: {source: a, aliases: [gpt], fallback: [gpd, spare, 7]}
  spare: {source: b, fallback_while_loading: nobody}
)") == Lines{
           "3:48: fallback of model \"chat\": there is no model \"gpd\"; did you mean \"gpt\"?",
           "3:60: fallback of model \"chat\": there is no model \"7\"; name one that stands under models",
           "4:46: fallback_while_loading of model \"spare\": there is no model \"nobody\"; name one that stands under "
           "models"});
  CHECK(model_problems("    fallback: {a: b}\n") ==
        Lines{"5:15: fallback: expected the name of a model, or a list of names, found a map"});
}

TEST_CASE("a fallback that stands there twice is told, also under another name") {
  CHECK(problems(R"(defaults: {engine: llama}
models:
  a: {source: a, fallback: [b, gpt]}
  b: {source: b, aliases: [gpt]}
)") == Lines{"3:32: fallback of model \"a\": model \"b\" stands there twice"});
}

TEST_CASE("fallbacks that lead in a circle are told once, with the way") {
  CHECK(problems(R"(defaults: {engine: llama}
models:
  a: {source: a, fallback: [d, b]}
  b: {source: b, fallback: c}
  c: {source: c, fallback: [d, a]}
  d: {source: d}
  e: {source: e, fallback_while_loading: [e]}
)") == Lines{"3:29: fallback of model \"a\" leads back to it: a → b → c → a; take one of them away",
             "7:43: fallback_while_loading of model \"e\" leads back to it: e → e; take one of them away"});
}

}  // namespace
}  // namespace rouse::config
