#include "system/runtime_dir.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

using namespace rouse::system;
namespace fs = std::filesystem;

namespace {

struct Parent {
  std::string path = "/tmp/rt-test-" + std::to_string(::getpid());
  explicit Parent(int mode = 0700) {
    fs::remove_all(path);
    ::mkdir(path.c_str(), 0700);
    ::chmod(path.c_str(), static_cast<mode_t>(mode));
  }
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;
  ~Parent() { fs::remove_all(path); }
  auto entries() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

}  // namespace

TEST_CASE("the runtime folder is ours alone, and removed with all that is in it") {
  const Parent parent;
  {
    const auto made = RuntimeDir::create({"/no/such/folder", parent.path});
    REQUIRE(made);
    CHECK(made->path().starts_with(parent.path + "/rouse-" + std::to_string(::getpid())));
    CHECK((fs::status(made->path()).permissions() & fs::perms::mask) == fs::perms::owner_all);
    std::ofstream(made->path() + "/something") << "left";
  }
  CHECK(parent.entries() == 0);
}

TEST_CASE("in a shared folder the name tells whose it is") {
  const Parent parent(01777);
  const auto made = RuntimeDir::create({parent.path});
  REQUIRE(made);
  CHECK(made->path().starts_with(parent.path + "/rouse-" + std::to_string(::geteuid()) + "-"));
}

TEST_CASE("folders of dead daemons are removed, those of living ones and strangers' stay") {
  const Parent parent;
  const std::string stale = parent.path + "/rouse-99999-abcdef";
  ::mkdir(stale.c_str(), 0700);
  std::ofstream(stale + "/lock");
  std::ofstream(stale + "/worker.sock");
  const std::string open = parent.path + "/rouse-99998-abcdef";  // not 0700: none of ours
  ::mkdir(open.c_str(), 0700);
  std::ofstream(open + "/lock");
  ::chmod(open.c_str(), 0755);
  fs::create_directory_symlink("/tmp", parent.path + "/rouse-99997-abcdef");

  const auto living = RuntimeDir::create({parent.path});
  const auto second = RuntimeDir::create({parent.path});
  REQUIRE(living);
  REQUIRE(second);
  CHECK_FALSE(fs::exists(stale));
  CHECK(fs::exists(open));
  CHECK(fs::exists(parent.path + "/rouse-99997-abcdef"));
  CHECK(fs::exists(living->path()));
  CHECK(living->path() != second->path());
}

TEST_CASE("a socket's path fits, ends in .sock, and is unlinked") {
  const Parent parent;
  const auto folder = RuntimeDir::create({parent.path});
  REQUIRE(folder);
  std::string path;
  {
    const SocketPath socket = folder->socket(std::string(200, 'w'));
    path = socket.path();
    CHECK(path.ends_with(".sock"));
    CHECK(path.size() < sizeof(sockaddr_un::sun_path));
    std::ofstream(path) << "";
    CHECK(fs::exists(path));
    const SocketPath again(path);  // what lies there is in the way of a bind
    CHECK_FALSE(fs::exists(path));
    std::ofstream(path) << "";
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("no usable folder is an error that names each and why") {
  const auto made = RuntimeDir::create({"/no/such/folder", "/tmp/" + std::string(100, 'x')});
  REQUIRE_FALSE(made);
  CHECK(made.error().context.contains("/no/such/folder: No such file"));
  CHECK(made.error().context.contains("too long"));
}
