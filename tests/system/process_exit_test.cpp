#include "system/process_exit.hpp"

#include <signal.h>

#include <catch2/catch_test_macros.hpp>

using namespace rouse::system;
using How = ProcessExit::How;

namespace {
constexpr int exited_with(int code) { return code << 8; }
constexpr int killed_by(int signal) { return signal; }
}  // namespace

TEST_CASE("an OOM kill is a SIGKILL that we did not send while the kernel counted one") {
  CHECK(judge_exit(killed_by(SIGKILL), false, false, 1).how == How::out_of_memory);
  CHECK(judge_exit(killed_by(SIGKILL), true, false, 1).how == How::out_of_memory);  // asked politely before
  CHECK(judge_exit(killed_by(SIGKILL), false, false, 0).how == How::signalled);
  CHECK(judge_exit(killed_by(SIGKILL), true, true, 1).how == How::signalled);
  CHECK(judge_exit(killed_by(SIGSEGV), false, false, 1).how == How::signalled);
  CHECK(judge_exit(exited_with(137), false, false, 1).how == How::out_of_memory);  // a shell's child
  CHECK(judge_exit(exited_with(137), false, false, 0).how == How::exited);
  CHECK(judge_exit(exited_with(137), true, true, 1).how == How::exited);
  CHECK(judge_exit(exited_with(9), false, false, 1).how == How::exited);
}

TEST_CASE("an exit is told in words") {
  CHECK(to_string(judge_exit(exited_with(3), false, false, 0)) == "exited with code 3");
  CHECK(to_string(judge_exit(killed_by(SIGSEGV), false, false, 0)) == "killed by signal 11 (Segmentation fault)");
  CHECK(to_string(judge_exit(killed_by(SIGSEGV | 0x80), false, false, 0)) ==
        "killed by signal 11 (Segmentation fault)");
  CHECK(to_string(judge_exit(killed_by(SIGKILL), false, false, 2)) == "out of memory: killed by the kernel");
  CHECK(to_string({How::not_started, 8, false}) == "could not be started: Exec format error");
  CHECK(judge_exit(exited_with(0), true, false, 0).clean());
  CHECK_FALSE(judge_exit(exited_with(1), true, false, 0).clean());
}
