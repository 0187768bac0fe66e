#include "config/config.hpp"

#include <catch2/catch_test_macros.hpp>

#include "from_text.hpp"

namespace rouse::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kExample = R"(listen: 127.0.0.1:11450
budgets:
  host: {limit: 8GiB}
  gpu: {limit: 80%, reserve: 1GiB}        # every GPU; gpu0, gpu1, … may be named too
defaults: {keep: 5m}
models:
  chat:
    engine: llama
    source: ~/models/qwen3-4b-q4_k_m.gguf
    context: 8192
    parallel: 4
    lora: [{path: ~/models/support.gguf, scale: 1.0, enabled: true}]
    args: [--flash-attn, "on"]
    aliases: [gpt-4o-mini]
    footprint: {host: 3GiB}               # optional; otherwise learnt or estimated
    priority: high
    preload: false
    pinned: false
    keep: 30m                             # 0 | 5m | forever
)";

Model only_model(std::string_view text) {
  const auto config = parse(text);
  REQUIRE(config);
  REQUIRE(config->models.size() == 1);
  return config->models[0];
}

Llama llama(std::string_view keys) {
  return std::get<Llama>(
      only_model("models:\n  m:\n    engine: llama\n    source: m.gguf\n" + std::string(keys)).engine);
}

TEST_CASE("the example is read to exactly these values") {
  Llama llama;
  llama.source = "/home/ada/models/qwen3-4b-q4_k_m.gguf";
  llama.context = 8192;
  llama.parallel = 4;
  llama.lora = {{.path = "/home/ada/models/support.gguf", .scale = 1.0, .enabled = true}};
  llama.args = {"--flash-attn", "on"};
  Model chat;
  chat.id = "chat";
  chat.aliases = {"gpt-4o-mini"};
  chat.engine = llama;
  chat.footprint = {{kHost, gib(3)}};
  chat.priority = core::Priority::high;
  chat.keep = {30min};
  chat.concurrency = 4;
  chat.read_ahead = false;
  Config wanted;
  wanted.file = "/etc/rouse/rouse.yaml";
  wanted.budgets.host.limit = gib(8);
  wanted.budgets.every_gpu = {.limit = Percent{80}, .reserve = gib(1)};
  wanted.models = {chat};

  const auto config = parse(kExample);
  REQUIRE(config);
  CHECK(*config == wanted);
  CHECK(config->models[0].place.line == 7);
  CHECK(config->models[0].place.column == 3);
}

TEST_CASE("an empty file is a configuration with all defaults and no models") {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "models:\n", "budgets: ~\nmodels: {}\n", "\xEF\xBB\xBF"}) {
    CAPTURE(text);
    const auto config = parse(text);
    REQUIRE(config);
    Config defaults;
    defaults.file = "/etc/rouse/rouse.yaml";
    CHECK(*config == defaults);
    CHECK(to_string(config->listen) == "127.0.0.1:11450");
    CHECK(config->budgets.of(kHost) == Budget{.limit = Percent{80}, .reserve = {}});
  }
}

TEST_CASE("every key of a llama model reaches it") {
  const Llama all = llama(R"(
    context: 4096
    parallel: "2"
    threads: 3
    lora:
    - path: /a.gguf
      scale: -0.5
      enabled: false
    - {path: b.gguf}
    mmproj: ./vision/mmproj.gguf
    binary: ../bin/llama-server
    load_mode: mmap+mlock
    embeddings: true
    reranking: 'true'
    args: [-fa, "on", --no-warmup]
)");
  Llama wanted;
  wanted.source = "/etc/rouse/m.gguf";
  wanted.context = 4096;
  wanted.parallel = 2;
  wanted.threads = 3;
  wanted.lora = {{.path = "/a.gguf", .scale = -0.5, .enabled = false}, {.path = "/etc/rouse/b.gguf"}};
  wanted.mmproj = "/etc/rouse/vision/mmproj.gguf";
  wanted.binary = "/etc/rouse/../bin/llama-server";
  wanted.load_mode = LoadMode::mmap_mlock;
  wanted.embeddings = true;
  wanted.reranking = true;
  wanted.args = {"-fa", "on", "--no-warmup"};
  CHECK(all == wanted);
}

TEST_CASE("a binary without a slash is looked up later, and engines.llama.binary is every model's") {
  CHECK(llama("    binary: my-server\n").binary == "my-server");
  CHECK(llama("").binary == "llama-server");
  CHECK(llama("engines: {llama: {binary: /opt/cuda/llama-server}}").binary == "/opt/cuda/llama-server");
  CHECK(llama("    binary: mine\nengines: {llama: {binary: /opt/cuda/llama-server}}").binary == "mine");
}

TEST_CASE("every key that any model may have reaches it") {
  const Model model = only_model(R"(models:
  org/model-7b:q4.v1:
    engine: llama
    source: m.gguf
    aliases: [one, two/three]
    footprint: {gpu1: 2GiB, host: 512MiB, gpu0: 1GiB}
    priority: low
    preload: true
    pinned: true
    keep: 1h30m
    concurrency: 7
    queue_limit: 0
    min_residency: 250ms
    read_ahead: false
    keep_warm: true
    media_urls: allow
)");
  CHECK(model.id == "org/model-7b:q4.v1");
  CHECK(model.aliases == std::vector<std::string>{"one", "two/three"});
  CHECK(model.footprint == core::Placement{{kHost, mib(512)}, {DeviceId{1}, gib(1)}, {DeviceId{2}, gib(2)}});
  CHECK(model.priority == core::Priority::low);
  CHECK(model.preload);
  CHECK(model.pinned);
  CHECK(model.keep == core::Keep{90min});
  CHECK(model.concurrency == 7);
  CHECK(model.queue_limit == 0);
  CHECK(model.min_residency == 250ms);
  CHECK_FALSE(model.read_ahead);
  CHECK(model.keep_warm);
  CHECK(model.media_urls == MediaUrls::allow);
}

TEST_CASE("files are read ahead where a worker reads them, unless the file says otherwise") {
  const auto reads_ahead = [](std::string_view more) {
    return only_model(std::format("models: {{a: {{engine: llama, source: m{}}}}}", more)).read_ahead;
  };
  CHECK_FALSE(reads_ahead(""));
  CHECK_FALSE(reads_ahead(", load_mode: mmap+mlock"));
  CHECK(reads_ahead(", load_mode: none"));
  CHECK(reads_ahead(", read_ahead: true"));
  CHECK(only_model("models: {a: {engine: command, command: [x, \"{socket}\"], footprint: {host: 1GiB}}}").read_ahead);
}

TEST_CASE("fallbacks are known by id, in the order in which they stand, whatever they are called there") {
  const auto config = parse(R"(
defaults: {engine: llama}
models:
  big: {source: a, fallback: [tiny, small], fallback_while_loading: gpt}
  small: {source: b, aliases: [gpt, mini], fallback: mini2}
  tiny: {source: c, aliases: [mini2], fallback: []}
)");
  REQUIRE(config);
  using Names = std::vector<std::string>;
  CHECK(config->models[0].fallback == Names{"tiny", "small"});
  CHECK(config->models[0].fallback_while_loading == Names{"small"});
  CHECK(config->models[1].fallback == Names{"tiny"});
  CHECK(config->models[2].fallback.empty());
}

TEST_CASE("two models may stand in for one another, one while the other loads") {
  CHECK(parse(R"(
defaults: {engine: llama}
models:
  a: {source: a, fallback: b}
  b: {source: b, fallback_while_loading: a}
)"));
}

TEST_CASE("keep is nothing, a while, or for ever") {
  const auto keep = [](std::string_view text) {
    return only_model("models: {m: {engine: llama, source: m, keep: " + std::string(text) + "}}").keep;
  };
  CHECK(keep("0") == core::Keep{0s});
  CHECK(keep("5m") == core::Keep{5min});
  CHECK(keep("'5m'") == core::Keep{5min});
  CHECK(keep("forever") == core::Keep::forever());
}

Remote remote(std::string_view url) {
  return std::get<Remote>(only_model("models: {m: {engine: remote, url: \"" + std::string(url) + "\"}}").engine);
}

Remote at(std::string host, std::uint16_t port, std::string prefix = "") {
  Remote remote;
  remote.host = std::move(host);
  remote.port = port;
  remote.prefix = std::move(prefix);
  return remote;
}

TEST_CASE("a remote model is where its url says") {
  CHECK(remote("http://10.0.0.2:8080") == at("10.0.0.2", 8080));
  CHECK(remote("http://box/") == at("box", 80));
  CHECK(remote("http://[::1]:81/a/b/") == at("::1", 81, "/a/b"));
  CHECK(remote("http://box/api/v1/") == at("box", 80, "/api"));
  CHECK(remote("http://box/v1") == at("box", 80));
  CHECK(remote("unix:/run/x.sock").socket == "/run/x.sock");
  CHECK(remote("unix:/run/x.sock").host.empty());
  CHECK(only_model("models: {m: {engine: remote, url: \"http://x\"}}").concurrency == 1024);
  CHECK(only_model("models: {m: {engine: remote, url: \"http://x\", concurrency: 2}}").concurrency == 2);
}

TEST_CASE("the engine may know a model by another name") {
  CHECK(only_model("models: {m: {engine: llama, source: m}}").upstream_model.empty());
  CHECK(only_model("models: {m: {engine: llama, source: m, upstream_model: 'Org/The \"M\"'}}").upstream_model ==
        "Org/The \"M\"");
}

TEST_CASE("concurrency is the number of slots unless it is named") {
  const auto concurrency = [](std::string_view keys) {
    return only_model("models: {m: {engine: llama, source: m" + std::string(keys) + "}}").concurrency;
  };
  CHECK(concurrency("") == 4);
  CHECK(concurrency(", parallel: 9") == 9);
  CHECK(concurrency(", parallel: 9, concurrency: 3") == 3);
  CHECK(concurrency(", concurrency: 3, parallel: 9") == 3);
}

TEST_CASE("defaults reach the models wherever they stand in the file, and a model's own word wins") {
  const auto config = parse(R"(models:
  a: {source: a.gguf}
  b: {source: b.gguf, keep: 1s, priority: normal, queue_limit: 5, min_residency: 0}
defaults: {engine: llama, keep: forever, priority: low, deadline: 90s, min_residency: 7s}
limits: {queue: 9}
)");
  REQUIRE(config);
  const Model& a = config->models[0];
  CHECK(a.keep == core::Keep::forever());
  CHECK(a.priority == core::Priority::low);
  CHECK(a.queue_limit == 9);
  CHECK(a.min_residency == 7s);
  const Model& b = config->models[1];
  CHECK(b.keep == core::Keep{1s});
  CHECK(b.priority == core::Priority::normal);
  CHECK(b.queue_limit == 5);
  CHECK(b.min_residency == 0s);
  CHECK(config->deadline == 90s);
}

TEST_CASE("policy and limits are read") {
  const auto config = parse(R"(
policy: {eviction: lru, patience: 3s, slice: 20s, load_timeout: 10m, settle: 5s}
limits:
  body: 1MiB
  header: 16KiB
  connections: 12
  connections_per_address: 11
  idle: 1s
  receive: 2s
  send: 3s
  drain: 4s
  buffered: 9MiB
listen: "[::1]:0"
)");
  REQUIRE(config);
  CHECK(config->policy ==
        Policy{.eviction = Eviction::lru, .patience = 3s, .slice = 20s, .load_timeout = 10min, .settle = 5s});
  CHECK(config->limits == Limits{.body = mib(1),
                                 .header = kib(16),
                                 .buffered = mib(9),
                                 .connections = 12,
                                 .connections_per_address = 11,
                                 .idle = 1s,
                                 .receive = 2s,
                                 .send = 3s,
                                 .drain = 4s});
  CHECK(config->listen == Address{.host = "::1", .port = 0});
}

TEST_CASE("a GPU that is named keeps what is said of every GPU and not of itself") {
  const auto config = parse(R"(budgets:
  gpu1: {limit: 10GiB}
  gpu0: {reserve: 2GiB}
  gpu2: {limit: 0}
  gpu: {limit: 50%, reserve: 1GiB}
)");
  REQUIRE(config);
  const Budgets& budgets = config->budgets;
  CHECK(budgets.of(DeviceId{1}) == Budget{.limit = Percent{50}, .reserve = gib(2)});
  CHECK(budgets.of(DeviceId{2}) == Budget{.limit = gib(10), .reserve = gib(1)});
  CHECK(budgets.of(DeviceId{3}) == Budget{.limit = Bytes{0}, .reserve = gib(1)});
  CHECK(budgets.of(DeviceId{4}) == Budget{.limit = Percent{50}, .reserve = gib(1)});
  CHECK(budgets.of(kHost) == Budget{});
}

TEST_CASE("a limit is bytes or a share of the device, and never more than it") {
  CHECK(limit_on({.limit = gib(8), .reserve = {}}, gib(24)) == gib(8));
  CHECK(limit_on({.limit = gib(32), .reserve = {}}, gib(24)) == gib(24));
  CHECK(limit_on({.limit = Percent{80}, .reserve = gib(1)}, gib(10)) == gib(8));
  CHECK(limit_on({.limit = Percent{12.5}, .reserve = {}}, gib(8)) == gib(1));
  CHECK(limit_on({.limit = Percent{100}, .reserve = {}}, Bytes{3}) == Bytes{3});
}

TEST_CASE("models stand in the order of their names") {
  const auto config = parse(R"(defaults: {engine: llama}
models: {b: {source: b}, a: {source: a}, "c": {source: c}, B: {source: B}})");
  REQUIRE(config);
  std::string order;
  for (const Model& model : config->models) order += model.id;
  CHECK(order == "Babc");
}

TEST_CASE("an anchor's value is taken where it is named, and << merges a map below one's own keys") {
  const auto config = parse(R"(models:
  a: &a
    engine: llama
    source: &weights /w/a.gguf
    keep: 1h
  b:
    <<: *a
    keep: 2h
  c: {engine: llama, source: *weights}
)");
  REQUIRE(config);
  REQUIRE(config->models.size() == 3);
  CHECK(std::get<Llama>(config->models[1].engine).source == "/w/a.gguf");
  CHECK(config->models[1].keep == core::Keep{2h});
  CHECK(std::get<Llama>(config->models[2].engine).source == "/w/a.gguf");
}

TEST_CASE("configurations compare by what they say, not by where they say it") {
  const auto one = parse("models: {m: {engine: llama, source: m, keep: 60s}}");
  const auto same = parse("# moved\nmodels:\n  m:\n    keep: 1m\n    source: ./m\n    engine: llama\n");
  const auto other = parse("models: {m: {engine: llama, source: m, keep: 61s}}");
  REQUIRE((one && same && other));
  CHECK(*one == *same);
  CHECK_FALSE(*one == *other);
}

TEST_CASE("paths are absolute, the home folder's, or the file's folder's") {
  CHECK(llama("    mmproj: /a/b").mmproj == "/a/b");
  CHECK(llama("    mmproj: ~/b").mmproj == "/home/ada/b");
  CHECK(llama("    mmproj: b/c").mmproj == "/etc/rouse/b/c");
  CHECK(llama("    mmproj: ././b").mmproj == "/etc/rouse/b");
  CHECK(llama("    mmproj: ../b").mmproj == "/etc/rouse/../b");
  const auto here = from_text("models: {m: {engine: llama, source: m.gguf}}", "rouse.yaml", environment({}));
  REQUIRE(here);
  CHECK(std::get<Llama>(here->models[0].engine).source == "m.gguf");
}

TEST_CASE("the log is text without a line for each answer, unless the file says so") {
  CHECK(parse("models: {}")->log == Log{});
  const auto config = parse("log: {format: json, access: true}");
  REQUIRE(config);
  CHECK(config->log == Log{.format = LogFormat::json, .access = true});
  CHECK_FALSE(parse("log: {format: xml}"));
  CHECK_FALSE(parse("log: {acces: true}"));
}

}  // namespace
}  // namespace rouse::config
