#include "system/folder_watch.hpp"

#include <filesystem>
#include <fstream>

#include "workshop.hpp"

using namespace rouse;
using namespace rouse::system;
using Kind = FolderEvent::Kind;

namespace {

namespace fs = std::filesystem;

struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "rouse-watch-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    auto made = FolderWatch::create(io, [this](const FolderEvent& event) { heard.push_back(event); });
    REQUIRE(made);
    watch = std::move(*made);
    REQUIRE(watch->watch(folder));
  }
  ~World() { fs::remove_all(folder); }

  // The next event there is: the kernel tells them as they happen, so that none has to be waited for long.
  FolderEvent next() {
    while (heard.empty()) {
      io.restart();
      REQUIRE(io.run_one_for(std::chrono::seconds(10)) > 0);
    }
    FolderEvent event = heard.front();
    heard.erase(heard.begin());
    return event;
  }
  void expect(Kind kind, const std::string& name) {
    const FolderEvent event = next();
    CHECK(event.kind == kind);
    CHECK(event.path == (name.empty() ? folder : folder + "/" + name));
  }

  boost::asio::io_context io;
  std::string folder;
  std::vector<FolderEvent> heard;
  std::unique_ptr<FolderWatch> watch;
};

}  // namespace

TEST_CASE("a file is created, then written; or comes by a rename, and goes") {
  World world;
  std::ofstream(world.folder + "/a") << "text";
  world.expect(Kind::created, "a");
  world.expect(Kind::written, "a");
  fs::rename(world.folder + "/a", world.folder + "/b");
  world.expect(Kind::went, "a");
  world.expect(Kind::came, "b");
  fs::remove(world.folder + "/b");
  world.expect(Kind::went, "b");
}

TEST_CASE("a folder that is removed is lost, and can be watched again when it is back") {
  World world;
  fs::create_directory(world.folder + "/below");
  const FolderEvent made = world.next();
  CHECK((made.kind == Kind::created && made.is_folder));
  REQUIRE(world.watch->watch(world.folder + "/below"));
  fs::remove(world.folder + "/below");
  world.expect(Kind::lost, "below");
  world.expect(Kind::went, "below");
  CHECK_FALSE(world.watch->watches(world.folder + "/below"));
  CHECK_FALSE(world.watch->watch(world.folder + "/below"));
  fs::create_directory(world.folder + "/below");
  world.expect(Kind::created, "below");
  REQUIRE(world.watch->watch(world.folder + "/below"));
  std::ofstream(world.folder + "/below/a") << "text";
  world.expect(Kind::created, "below/a");
}

TEST_CASE("a watched folder that is moved is lost under its name") {
  World world;
  const std::string away = world.folder + ".away";
  fs::rename(world.folder, away);
  world.expect(Kind::lost, "");
  fs::rename(away, world.folder);
  CHECK(world.watch->watch(world.folder));
}
