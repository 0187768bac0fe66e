#include "system/environment.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse::system;
using Environment = std::vector<std::string>;

TEST_CASE("a worker's environment is a short list of ours") {
  const Environment ours{"PATH=/bin",
                         "HOME=/root",
                         "LC_ALL=C",
                         "CUDA_VISIBLE_DEVICES=0",
                         "ROUSE_KEY=secret",
                         "AWS_SECRET=x",
                         "LLAMA_API_KEY=x",
                         "LLAMA_ARG_CTX_SIZE=1",
                         "NVIDIA_API_KEY=x",
                         "GGML_X=1",
                         "LD_PRELOAD=evil.so",
                         "PATHOLOGY=1",
                         "NOTIFY_SOCKET=/run/x",
                         "LISTEN_FDS=1",
                         "NVIDIA_DRIVER=1",
                         "no equals sign"};
  CHECK(worker_environment(ours, {}) ==
        Environment{"PATH=/bin", "HOME=/root", "LC_ALL=C", "CUDA_VISIBLE_DEVICES=0", "GGML_X=1", "NVIDIA_DRIVER=1"});
}

TEST_CASE("what is added replaces what is passed on") {
  CHECK(worker_environment(Environment{"PATH=/bin", "HOME=/root"}, Environment{"HOME=/tmp", "MY_KEY=1"}) ==
        Environment{"PATH=/bin", "HOME=/tmp", "MY_KEY=1"});
}

TEST_CASE("a variable's value is found by its whole name") {
  const Environment environment{"PATHS=no", "PATH=/bin:/usr=x", "EMPTY="};
  CHECK(value_of(environment, "PATH") == "/bin:/usr=x");
  CHECK(value_of(environment, "EMPTY").empty());
  CHECK(value_of(environment, "PAT").empty());
}
