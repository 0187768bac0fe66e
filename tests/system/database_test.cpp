#include "system/database.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <vector>

#include "files.hpp"

namespace rouse::system {
namespace {

using test::Folder;

std::vector<Database::Value> column(Database& database, const char* statement) {
  std::vector<Database::Value> values;
  REQUIRE(database.run(statement, {}, [&](Database::Row row) { values.push_back(row.front()); }));
  return values;
}

TEST_CASE("what was written is there when the file is opened again") {
  const Folder folder;
  const auto path = folder.path() / "below" / "state.db";
  {
    auto database = Database::open(path);
    REQUIRE(database);
    REQUIRE(database->run("CREATE TABLE t(a, b)"));
    REQUIRE(database->run("INSERT INTO t VALUES(?1, ?2)", {std::int64_t{7}, std::string("x\0y", 3)}));
    REQUIRE(database->run("INSERT INTO t VALUES(?1, ?2)", {std::monostate(), "née"}));
  }
  auto again = Database::open(path);
  REQUIRE(again);
  CHECK(column(*again, "SELECT a FROM t") == std::vector<Database::Value>{std::int64_t{7}, std::monostate()});
  CHECK(column(*again, "SELECT b FROM t") == std::vector<Database::Value>{std::string("x\0y", 3), "née"});
}

TEST_CASE("a transaction that fails leaves nothing behind") {
  const Folder folder;
  auto database = Database::open(folder.path() / "state.db");
  REQUIRE(database);
  REQUIRE(database->run("CREATE TABLE t(a UNIQUE)"));
  const auto failed = database->transaction([&]() -> Result<void> {
    if (auto done = database->run("INSERT INTO t VALUES(1)"); !done) return done;
    return database->run("INSERT INTO t VALUES(1)");
  });
  REQUIRE_FALSE(failed);
  CHECK(column(*database, "SELECT a FROM t").empty());
}

TEST_CASE("a file that is no database, or half of one, is malformed") {
  const Folder folder;
  const auto path = folder.path() / "state.db";
  std::ofstream(path) << std::string(100'000, 'x');
  CHECK(Database::open(path).error().code == Code::malformed);

  const auto cut = folder.path() / "cut.db";
  {
    auto database = Database::open(cut);
    REQUIRE(database);
    REQUIRE(database->run("CREATE TABLE t(a)"));
    for (int i = 0; i < 50; ++i) REQUIRE(database->run("INSERT INTO t VALUES(?1)", {std::string(1000, 'x')}));
  }
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) / 2);
  CHECK(Database::open(cut).error().code == Code::malformed);
}

TEST_CASE("a file that another keeps locked is a conflict") {
  const Folder folder;
  const auto path = folder.path() / "state.db";
  auto owner = Database::open(path);
  REQUIRE(owner);
  REQUIRE(owner->run("CREATE TABLE t(a)"));
  auto other = Database::open(path);
  REQUIRE(other);
  REQUIRE(owner->run("BEGIN IMMEDIATE"));
  CHECK(other->transaction([&] { return other->run("INSERT INTO t VALUES(1)"); }).error().code == Code::conflict);
  REQUIRE(owner->run("COMMIT"));
  CHECK(other->transaction([&] { return other->run("INSERT INTO t VALUES(1)"); }));
}

TEST_CASE("where nothing can be made it cannot be opened") { CHECK_FALSE(Database::open("/proc/nowhere/state.db")); }

}  // namespace
}  // namespace rouse::system
