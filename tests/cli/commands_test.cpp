#include "cli/commands.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "fake_daemon.hpp"

namespace rouse::cli {
namespace {

using namespace std::chrono_literals;
using test::asking;
using test::Canned;
using test::FakeDaemon;
using test::Ran;
using test::Run;
using test::Then;

constexpr auto kModels = R"({"models":[
 {"id":"chat","engine":"llama","state":"ready","leases":2,"waiting":0,"footprint":{"host":3221225472},
  "footprint_source":"learnt","pid":4711,"loads":1,"last_load_ms":1200.5,"last_used":null,"expires_at":null,
  "pinned":true,"error":null,"aliases":["gpt-4o-mini","模型"],"something_new":{"a":[1]}},
 {"id":"cold","engine":"llama","state":"cold","leases":0,"waiting":0,"footprint":{"host":536870912},
  "footprint_source":"estimated","pid":null,"loads":0,"last_load_ms":null,"last_used":null,"expires_at":null,
  "pinned":false,"error":null},
 {"id":"broken","engine":"command","state":"failed","leases":0,"waiting":3,"footprint":{"gpu0":1073741824,"host":1024},
  "footprint_source":"configured","pid":null,"loads":0,"last_load_ms":null,"last_used":null,"expires_at":null,
  "pinned":false,"error":"the engine exited with 1\nboom\nbang","retry_at":"2199-01-01T00:00:00Z"}]})";

TEST_CASE("list shows every model") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models", kModels);
  const Ran ran = asking(fake)({"list"});
  CHECK(ran.exit == 0);
  CHECK(ran.out ==
        "MODEL   ENGINE                     SIZE  STATE   ALIASES\n"
        "chat    llama                     3 GiB  ready   gpt-4o-mini, 模型\n"
        "cold    llama                  ~512 MiB  cold\n"
        "broken  command  gpu0 1 GiB, host 1 KiB  failed\n");
  CHECK(ran.err.empty());
}

TEST_CASE("ps shows what is loaded, waited for or broken, and why") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models", kModels);
  const Ran ran = asking(fake)({"ps"});
  CHECK(ran.exit == 0);
  CHECK(ran.out.contains("chat    ready        2        -                   3 GiB  4711  in use   pinned\n"));
  CHECK(ran.out.contains("the engine exited with 1 (next try in "));
  CHECK_FALSE(ran.out.contains("boom"));
  CHECK_FALSE(ran.out.contains("cold"));
}

TEST_CASE("ps names the group, and the processes that hold the same") {
  FakeDaemon fake;
  fake.answer(
      "GET /rouse/v1/models",
      R"({"models":[{"id":"app","engine":"command","group":"apps","state":"ready","leases":0,"waiting":0,"loads":1,
               "pinned":true,"duplicates":{"processes":3,"bytes_each":1073741824}}]})");
  const Ran ran = asking(fake)({"ps"});
  CHECK(ran.out.starts_with("MODEL  GROUP  STATE"));
  CHECK(ran.out.contains("app    apps   ready"));
  CHECK(ran.out.contains("pinned; 3 processes hold 1 GiB each\n"));
}

TEST_CASE("with --json a command prints the daemon's answer as it came") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models", kModels);
  for (const char* command : {"list", "ps"})
    CHECK(asking(fake)({command, "--json"}).out == std::string(kModels) + "\n");
}

TEST_CASE("nothing to show is said on standard error") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models", R"({"models":[]})");
  const Ran ran = asking(fake)({"ps"});
  CHECK(ran.exit == 0);
  CHECK(ran.out.empty());
  CHECK(ran.err.contains("rouse list"));
}

TEST_CASE("devices shows budgets and who holds what") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/devices",
              R"({"devices":[{"id":"host","total":8589934592,"limit":6442450944,"reserve":0,"effective":5368709120,
               "used_by_models":1073741824,"used_by_others":2147483648,"unconfirmed":512,"reserved":1048576}]})");
  const Ran ran = asking(fake)({"devices"});
  CHECK(ran.exit == 0);
  CHECK(ran.out ==
        "DEVICE  TOTAL  LIMIT  RESERVE  MODELS  RESERVED  OTHERS  UNCONFIRMED  FOR MODELS NOW\n"
        "host    8 GiB  6 GiB      0 B   1 GiB     1 MiB   2 GiB        512 B           5 GiB\n");
}

TEST_CASE("devices shows groups below, where there are any") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/devices", R"({"devices":[],"groups":[{"name":"pictures","max_loaded":2,"loaded":1}]})");
  const Ran ran = asking(fake)({"devices"});
  CHECK(ran.exit == 0);
  CHECK(ran.out.ends_with("\n\nGROUP     LOADED  MAX LOADED\npictures       1           2\n"));
}

TEST_CASE("when a model goes is said in words") {
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  ModelReply model;
  model.id = "chat";
  model.state = "ready";
  CHECK(expiry(model, now) == "never");
  model.expires_at = "2026-03-01T00:04:32Z";
  CHECK(expiry(model, now) == "in 4 m 32 s");
  model.leases = 1;
  CHECK(expiry(model, now) == "in use");
  model.state = "loading";
  CHECK(expiry(model, now).empty());
}

TEST_CASE("loading is told with how far it is and how long it may last") {
  ModelReply model;
  model.id = "chat";
  model.state = "loading";
  CHECK(progress_line(model, 1200ms) == "loading chat  1.2 s");
  model.progress = 0.43;
  CHECK(progress_line(model, 6s) == "loading chat  43 %  6.0 s");
  model.eta_ms = 3800;
  CHECK(progress_line(model, 6s) == "loading chat  43 %, about 3.8 s left  6.0 s");
  model.state = "cold";
  CHECK(progress_line(model, 2s) == "chat is waiting for room  2.0 s");
  model.state = "waking";
  CHECK(progress_line(model, 2s) == "waking chat  43 %, about 3.8 s left  2.0 s");
  model.progress.reset();
  CHECK(progress_line(model, 2s) == "waking chat  2.0 s");
}

TEST_CASE("load waits until the model is ready, and shows a line only to a person") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/load", "{}");
  const Ran ran = asking(fake)({"load", "chat"});
  CHECK(ran.exit == 0);
  CHECK(ran.out.starts_with("chat is ready ("));
  CHECK(ran.err.empty());
  CHECK(fake.seen().at(0).body == R"({"wait":true})");
  CHECK(asking(fake)({"load", "chat", "--no-wait"}).exit == 0);
  CHECK(fake.seen().at(1).body == R"({"wait":false})");
}

TEST_CASE("a load that fails says why") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/load",
              {502, {R"({"error":{"code":"load_failed","message":"the engine of \"chat\" exited with 1",
              "context":"error: no such file\nerror: \u001b[2Jgiving up\n"}})"}});
  Run run = asking(fake);
  run.look.err_is_terminal = true;
  const Ran ran = run({"load", "chat"});
  CHECK(ran.exit == code(Exit::failed));
  CHECK(
      ran.err.contains("rouse: the engine of \"chat\" exited with 1. What its engine wrote: rouse logs chat.\n"
                       "  error: no such file\n  error: [2Jgiving up\n"));
}

TEST_CASE("unload prints the receipt in words") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/unload", R"({"freed":{"host":3221225472},"confirmed":true,"took_ms":12.4})");
  const Ran ran = asking(fake)({"unload", "chat", "--force"});
  CHECK(ran.exit == 0);
  CHECK(ran.out == "unloaded chat: 3 GiB came back in 12 ms\n");
  CHECK(fake.seen().at(0).body == R"({"force":true})");
}

TEST_CASE("bytes that were not seen back are neither said to be free nor called a success") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/unload",
              R"({"freed":{"host":1048576,"gpu0":0},"missing":{"gpu0":3221225472},)"
              R"("confirmed":false,"took_ms":5000})");
  const Ran ran = asking(fake)({"unload", "chat"});
  CHECK(ran.exit == code(Exit::failed));
  CHECK(ran.out.contains("gpu0 3 GiB still missing, 1 MiB came back"));
  CHECK(ran.out.contains("unconfirmed"));
  CHECK_FALSE(ran.out.contains("unloaded"));
}

TEST_CASE("a refused unload names the way to do it all the same, unless that was tried") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/unload",
              {409, {R"({"error":{"code":"conflict","message":"chat is pinned"}})"}});
  const Ran gentle = asking(fake)({"unload", "chat"});
  CHECK(gentle.exit == code(Exit::refused));
  CHECK(gentle.err == "rouse: chat is pinned. To do it all the same: rouse unload --force chat.\n");
  CHECK(asking(fake)({"unload", "chat", "--force"}).err == "rouse: chat is pinned.\n");
}

TEST_CASE("an unknown model has an exit of its own in every command that takes one") {
  FakeDaemon fake;
  const Canned unknown{404, {R"({"error":{"code":"unknown_model","message":"there is no model \"x\""}})"}};
  for (const char* request :
       {"POST /rouse/v1/models/x/load", "POST /rouse/v1/models/x/unload", "GET /rouse/v1/models/x",
        "GET /rouse/v1/models/x/logs?lines=100&follow=false", "POST /v1/chat/completions",
        "POST /rouse/v1/models/x/pin", "POST /rouse/v1/models/x/unpin", "POST /rouse/v1/models/x/trim"}) {
    fake.answer(request, unknown);
  }
  const std::vector<std::vector<std::string>> commands{{"load", "x"}, {"unload", "x"},    {"logs", "x"},
                                                       {"run", "x"},  {"run", "x", "hi"}, {"show", "x"},
                                                       {"pin", "x"},  {"unpin", "x"},     {"trim", "x"}};
  for (const auto& command : commands) {
    INFO(command[0]);
    const Ran ran = asking(fake)(command);
    CHECK(ran.exit == code(Exit::unknown_model));
    CHECK(ran.err.contains("rouse list"));
  }
}

TEST_CASE("what the daemon says and what is added to it are parted by one stop") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/x/load",
              {404, {R"({"error":{"code":"unknown_model","message":"no model \"x\"; did you mean \"y\"?"}})"}});
  fake.answer("POST /rouse/v1/models/y/load",
              {502, {R"({"error":{"code":"load_failed","message":"it is cut off. Download it again."}})"}});
  CHECK(asking(fake)({"load", "x"}).err ==
        "rouse: no model \"x\"; did you mean \"y\"? To see the models there are: rouse list.\n");
  CHECK(asking(fake)({"load", "y"}).err ==
        "rouse: it is cut off. Download it again. What its engine wrote: rouse logs y.\n");
}

TEST_CASE("a daemon that is not there has an exit of its own, and the way to start it") {
  std::string host;
  {
    const FakeDaemon gone;
    host = gone.host();
  }
  const std::vector<std::vector<std::string>> commands{
      {"list"},        {"ps"},        {"ps", "-w"}, {"devices"},       {"requests"},  {"reload"},
      {"cancel", "x"}, {"show", "x"}, {"pin", "x"}, {"unpin", "x"},    {"trim", "x"}, {"load", "x"},
      {"unload", "x"}, {"logs", "x"}, {"run", "x"}, {"run", "x", "hi"}};
  for (const auto& command : commands) {
    INFO(command[0]);
    const Ran ran = Run{.environment = {{"ROUSE_HOST", host}}}(command);
    CHECK(ran.exit == code(Exit::unreachable));
    CHECK(ran.err.contains(host));
    CHECK(ran.err.contains("rouse serve"));
    CHECK(ran.out.empty());
  }
  CHECK(Run{}({"list", "--host", "unix:/nowhere/rouse.sock"}).exit == code(Exit::unreachable));
  CHECK(Run{}({"list", "--host", "https://x"}).exit == code(Exit::usage));
}

TEST_CASE("logs come as they are in a pipe and without what a terminal would obey on one") {
  FakeDaemon fake;
  const std::string request = "GET /rouse/v1/models/chat/logs?lines=5&follow=true";
  fake.answer(request, Canned{200, {"one\x1b[31m\n", "two\n"}});
  CHECK(asking(fake)({"logs", "chat", "-f", "-n", "5"}).out == "one\x1b[31m\ntwo\n");
  Run run = asking(fake);
  run.look.out_is_terminal = true;
  CHECK(run({"logs", "chat", "-f", "-n", "5"}).out == "one[31m\ntwo\n");
}

TEST_CASE("show tells all there is of one model, and leaves out what there is not") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models/chat",
              R"({"id":"chat","engine":"llama","state":"ready","leases":2,"waiting":1,"footprint":{"host":3221225472},
  "footprint_source":"learnt","pid":4711,"loads":3,"last_load_ms":1200.5,"last_used":null,"expires_at":null,
  "pinned":true,"error":null,"aliases":["gpt-4o-mini","b"]})");
  const Ran ran = asking(fake)({"show", "chat"});
  CHECK(ran.exit == 0);
  CHECK(ran.out ==
        "model      chat\n"
        "aliases    gpt-4o-mini, b\n"
        "engine     llama\n"
        "state      ready\n"
        "pinned     yes\n"
        "answering  2\n"
        "waiting    1\n"
        "memory     3 GiB (learnt)\n"
        "pid        4711\n"
        "loads      3, the last in 1.2 s\n"
        "expires    in use\n");
}

TEST_CASE("show says where each figure comes from, and forget what is gone") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models/chat",
              R"({"id":"chat","engine":"llama","state":"cold","leases":0,"waiting":0,"footprint":{"host":104857600},
  "footprint_source":"learnt","configured":{"host":52428800},"estimated":{"host":99614720},"learnt":{"footprint":
  {"host":104857600},"peak":{"host":125829120},"needed":{"host":131072000},"load_ms":{"disk":2000,"page_cache":500,
  "wake":null},"loads":5,"wakes":0,"failures":2,"out_of_memory":1},"loads":0})");
  fake.answer("DELETE /rouse/v1/models/chat/learnt", R"({"id":"chat","engine":"llama","state":"cold"})");
  CHECK(asking(fake)({"show", "chat"}).out ==
        "model       chat\n"
        "engine      llama\n"
        "state       cold\n"
        "pinned      no\n"
        "answering   0\n"
        "waiting     0\n"
        "memory      100 MiB (learnt)\n"
        "configured  50 MiB\n"
        "estimated   95 MiB\n"
        "learnt      100 MiB, at most 120 MiB, 125 MiB since its memory ran out\n"
        "load times  500 ms from the page cache, 2.0 s from a disk\n"
        "history     5 loaded, 2 failed, 1 out of memory\n");
  CHECK(asking(fake)({"forget", "chat"}).out == "what loads of chat have shown is forgotten\n");
}

TEST_CASE("pin and unpin say what holds from now on") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/models/chat/pin", R"({"id":"chat","engine":"llama","state":"ready"})");
  fake.answer("POST /rouse/v1/models/cold/pin", R"({"id":"cold","engine":"llama","state":"cold"})");
  fake.answer("POST /rouse/v1/models/chat/unpin", R"({"id":"chat","engine":"llama","state":"ready"})");
  CHECK(asking(fake)({"pin", "chat"}).out == "chat is pinned: it stays loaded until it is unpinned\n");
  CHECK(asking(fake)({"pin", "cold"}).out.contains("rouse load cold"));
  CHECK(asking(fake)({"unpin", "chat"}).out == "chat is no longer pinned\n");
  CHECK(fake.seen().at(0).fields.at("Content-Type") == "application/json");
}

TEST_CASE("a model that stands in for another is shown with that one") {
  FakeDaemon fake;
  fake.answer(
      "GET /rouse/v1/requests",
      R"({"requests":[{"id":"r-1","model":"small","asked":"big","client":"127.0.0.1","phase":"prompt","waited":0,
               "position":null,"bytes":0},{"id":"r-2","model":"small","asked":null,"client":"127.0.0.1",
               "phase":"prompt","waited":0,"position":null,"bytes":0}]})");
  const std::string seen = asking(fake)({"requests"}).out;
  CHECK(seen.contains("r-1      small (for big)  127"));
  CHECK(seen.contains("r-2      small            127"));
}

TEST_CASE("ps says that a circuit is open, why, and when its server is asked again") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/models",
              R"({"models":[{"id":"far","engine":"remote","state":"ready","circuit":"open",
  "error":"it answered 503","retry_at":"2199-01-01T00:00:00Z"},{"id":"near","engine":"remote","state":"ready",
  "circuit":"half_open","error":null},{"id":"well","engine":"remote","state":"ready","circuit":"closed"}]})");
  const std::string seen = asking(fake)({"ps"}).out;
  CHECK(seen.contains("circuit open: it answered 503 (next try in "));
  CHECK(seen.contains("circuit open\n"));
  CHECK_FALSE(seen.substr(seen.find("well")).contains("circuit"));
}

TEST_CASE("requests are shown with their ids, and cancelled by them") {
  FakeDaemon fake;
  fake.answer("GET /rouse/v1/requests",
              R"({"requests":[{"id":"r-1","model":"chat","client":"127.0.0.1","origin":"client","phase":"waiting",
               "waited":1234.5,"position":2,"bytes":0},{"id":"r-2","model":"chat","client":"key a","origin":"client",
               "phase":"answering","waited":12,"position":null,"bytes":2048}]})");
  const Ran seen = asking(fake)({"requests"});
  CHECK(seen.exit == 0);
  CHECK(seen.out ==
        "REQUEST  MODEL  CLIENT     PHASE      WAITED  POSITION   SENT\n"
        "r-1      chat   127.0.0.1  waiting     1.2 s         2    0 B\n"
        "r-2      chat   key a      answering   12 ms            2 KiB\n");

  fake.answer("DELETE /rouse/v1/requests/r%2F1", R"({"id":"r/1"})");
  const Ran cancelled = asking(fake)({"cancel", "r/1"});
  CHECK(cancelled.exit == 0);
  CHECK(cancelled.out == "cancelled r/1\n");
  CHECK(fake.seen().back().fields.at("Content-Type") == "application/json");
  fake.answer("DELETE /rouse/v1/requests/x", {404, {R"({"error":{"code":"not_found","message":"no request \"x\""}})"}});
  const Ran unknown = asking(fake)({"cancel", "x"});
  CHECK(unknown.exit == code(Exit::failed));
  CHECK(unknown.err == "rouse: no request \"x\". To see the requests there are: rouse requests.\n");
}

TEST_CASE("reload says what changed, and what is wrong with the file") {
  FakeDaemon fake;
  fake.answer("POST /rouse/v1/reload",
              R"({"added":["a","b"],"changed":[],"removed":["c"],"settings":["limits"],"needs_restart":["listen"]})");
  const Ran changed = asking(fake)({"reload"});
  CHECK(changed.exit == 0);
  CHECK(changed.out ==
        "added            a, b\n"
        "removed          c\n"
        "settings         limits\n"
        "needs a restart  listen\n");
  FakeDaemon same;
  same.answer("POST /rouse/v1/reload", R"({"added":[],"changed":[],"removed":[],"settings":[],"needs_restart":[]})");
  CHECK(asking(same)({"reload"}).out == "nothing has changed\n");
  FakeDaemon broken;
  broken.answer("POST /rouse/v1/reload",
                {422, {R"({"error":{"code":"misconfigured","message":"the configuration is wrong",
                "context":"/etc/r.yaml:3:1: unknown key"}})"}});
  const Ran wrong = asking(broken)({"reload"});
  CHECK(wrong.exit == code(Exit::usage));
  CHECK(wrong.err == "rouse: the configuration is wrong.\n  /etc/r.yaml:3:1: unknown key\n");
}

TEST_CASE("ps --watch repaints in place on a terminal and prints blocks elsewhere, until there is nothing to see") {
  const Canned forbidden{403, {R"({"error":{"code":"forbidden","message":"no more"}})"}};
  const auto seen = [&](bool terminal) {
    FakeDaemon fake;
    fake.answer("GET /rouse/v1/models", kModels);
    fake.answer("GET /rouse/v1/models", R"({"models":[]})");
    fake.answer("GET /rouse/v1/models", kModels);
    fake.answer("GET /rouse/v1/models", forbidden);
    Run run = asking(fake);
    run.look.out_is_terminal = terminal;
    run.look.rows = 3;
    const Ran ran = run({"ps", "--watch", "--every", "1ms"});
    CHECK(ran.exit == code(Exit::not_allowed));
    return ran.out;
  };
  const std::string painted = seen(true);
  CHECK(painted.starts_with("\r\x1b[JMODEL"));
  CHECK(painted.contains("\x1b[2A\r\x1b[JNothing is loaded"));
  CHECK(painted.contains("\x1b[1A\r\x1b[JMODEL"));
  CHECK_FALSE(painted.contains("broken"));  // the third line, for which there is no room
  const std::string blocks = seen(false);
  CHECK(blocks.starts_with("MODEL"));
  CHECK(blocks.contains("\n\nNothing is loaded"));
  CHECK(blocks.contains("rouse list\n\nMODEL"));
  CHECK_FALSE(blocks.contains('\x1b'));
}

TEST_CASE("version is the same in words and in JSON, and needs no daemon") {
  const Ran words = Run{}({"version"});
  CHECK(words.exit == 0);
  CHECK(words.out.starts_with("rouse "));
  CHECK(Run{}({"--version"}).out == words.out);
  CHECK(Run{}({"version", "--json"}).out == "{\"version\":\"" + words.out.substr(6, words.out.size() - 7) + "\"}\n");
}

}  // namespace
}  // namespace rouse::cli
