#include "system/worker_log.hpp"

#include <catch2/catch_test_macros.hpp>
#include <optional>

using namespace rouse;
using namespace rouse::system;

namespace {

std::vector<std::string> texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> result;
  for (const LogLine& line : lines) result.push_back(line.text);
  return result;
}

std::string only_line(std::string_view bytes) {
  const SystemClock clock;
  WorkerLog log(clock);
  log.append(bytes);
  log.flush();
  REQUIRE(log.tail(10).size() == 1);
  return log.tail(1).front().text;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lines come out whole, however the bytes came in") {
  const SystemClock clock;
  WorkerLog log(clock);
  log.append("on");
  log.append("e\ntwo\n\nthr");
  CHECK(texts(log.tail(10)) == Texts{"one", "two", ""});
  log.append("ee\n");
  CHECK(texts(log.tail(2)) == Texts{"", "three"});
  CHECK(log.tail(1).front().number == 4);
  CHECK(log.tail(0).empty());
}

TEST_CASE("a note of ours ends the open line, and so does a flush") {
  const SystemClock clock;
  WorkerLog log(clock);
  log.append("half a l");
  log.note("stopped");
  log.append("another");
  log.flush();
  log.flush();
  CHECK(texts(log.tail(10)) == Texts{"half a l", "stopped", "another"});
}

TEST_CASE("what a worker wrote is told apart from our notes and from its predecessors") {
  const SystemClock clock;
  WorkerLog log(clock);
  log.note("started, pid 1");
  log.append("before\n");
  const auto first = log.next_number();
  log.note("started, pid 2");
  CHECK(log.written_since(first, 5).empty());
  log.append("one\ntwo\nthree\n");
  log.note("exited");
  CHECK(texts(log.written_since(first, 5)) == Texts{"one", "two", "three"});
  CHECK(texts(log.written_since(first, 2)) == Texts{"two", "three"});
  log.append("\rloading 1 %\rloading 2 %");  // one that hangs there
  CHECK(texts(log.written_since(first, 2)) == Texts{"three", "loading 2 %"});
  CHECK(log.written_since(first, 0).empty());
}

TEST_CASE("however much is written, no more than the capacity is held, the newest last") {
  const SystemClock clock;
  WorkerLog log(clock, 10'000);
  for (int i = 1; i <= 100'000; ++i) log.append("line " + std::to_string(i) + "\n");
  const auto lines = log.tail(1'000'000);
  std::size_t bytes = 0;
  for (const LogLine& line : lines) bytes += line.text.size();
  CHECK(bytes <= 10'000);
  CHECK(lines.size() >= 50);
  CHECK(lines.back().text == "line 100000");
  CHECK(log.dropped() + lines.size() == 100'000);
}

TEST_CASE("an endless line is cut, and held no longer than that") {
  const SystemClock clock;
  WorkerLog log(clock);
  for (int i = 0; i < 1000; ++i) log.append(std::string(10'000, 'x'));
  log.append("\nnext\n");
  const auto lines = texts(log.tail(10));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == std::string(WorkerLog::kLongestLine, 'x') + " …");
  CHECK(lines[1] == "next");
  CHECK(only_line(std::string(WorkerLog::kLongestLine - 1, 'x') + "€uro\n") ==
        std::string(WorkerLog::kLongestLine - 1, 'x') + " …");
}

TEST_CASE("a log line cannot command a terminal, nor pass for two") {
  CHECK(only_line("\x1B[31mred\x1B[0m \x07 bell\x7F\n") == "red  bell");
  CHECK(only_line("a\x1B]0;title\n") == "a0;title");
  CHECK(only_line("tab\there\n") == "tab\there");
  CHECK(only_line(" 10 %\r 50 %\r100 %\r\n") == "100 %");
  CHECK(only_line(std::string_view("nul\0byte\n", 9)) == "nulbyte");
  CHECK(only_line("c1 \xC2\x9B 31m\n") == "c1 \xEF\xBF\xBD 31m");
  CHECK(only_line("turned \xE2\x80\xAE around\n") == "turned \xEF\xBF\xBD around");
}

TEST_CASE("what is no UTF-8 is replaced, what is stays") {
  CHECK(only_line("grüße 漢字 😀\n") == "grüße 漢字 😀");
  CHECK(only_line("bad \xFF\xC0\x80 \xED\xA0\x80 end \xE6\xBC\n") ==
        "bad \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD end \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("followers hear every line until they stop, also from inside") {
  const SystemClock clock;
  std::optional<WorkerLog> log(std::in_place, clock);
  Texts first;
  Texts second;
  auto following = log->follow([&](const LogLine& line) { first.push_back(line.text); });
  WorkerLog::Following once;
  once = log->follow([&](const LogLine& line) {
    second.push_back(line.text);
    once.stop();
  });
  log->append("a\nb\n");
  following.stop();
  log->append("c\n");
  CHECK(first == Texts{"a", "b"});
  CHECK(second == Texts{"a"});
  auto outlives = log->follow([](const LogLine&) {});
  log.reset();
}
