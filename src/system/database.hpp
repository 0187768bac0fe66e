// An SQLite database file, opened for one owner.
//
// Owner: whoever opened it; one thread at a time. Every call may block: on the disk, and for a tenth of a second on
// another program that uses the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "base/result.hpp"

struct sqlite3;

namespace rouse::system {

class Database {
 public:
  using Value = std::variant<std::monostate, std::int64_t, std::string>;  // monostate: NULL
  using Row = std::span<const Value>;

  // Opens the file with a write-ahead log (https://sqlite.org/wal.html), and makes it, for its user alone, with the
  // folders that lead to it. One that cannot be written is opened to be read. Fails with
  //   malformed  it is damaged, or no database;
  //   conflict   another program keeps it locked;
  //   internal   it cannot be read for another reason;
  // or as `look` does, which sees it before anything of it is changed.
  using Look = std::function<Result<void>(Database&)>;
  static Result<Database> open(
      const std::filesystem::path& path, const Look& look = [](Database&) { return Result<void>(); });

  // Runs one statement for `values`, its parameters ?1, ?2, …; `each` is given the rows that come of it. Fails as
  // open(), and with forbidden where the file cannot be written: read-only, or its disk is full.
  Result<void> run(const char* statement, std::initializer_list<Value> values = {},
                   const std::function<void(Row)>& each = {});
  // Everything or nothing of what `work` does.
  Result<void> transaction(const std::function<Result<void>()>& work);

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  static Result<Database> with(const std::string& name, int flags, const Look& look);
  Error error(int code) const;

  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace rouse::system
