#include "system/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <format>
#include <system_error>
#include <utility>
#include <vector>

namespace rouse::system {
namespace {

constexpr int kPatience = 100;  // milliseconds, with another program's lock

Code code_of(int sqlite) {
  switch (sqlite & 0xff) {  // the primary one: https://sqlite.org/rescode.html
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::malformed;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::conflict;
    case SQLITE_READONLY:
    case SQLITE_FULL:
    case SQLITE_PERM: return Code::forbidden;
    default: return Code::internal;
  }
}

using Statement = std::unique_ptr<sqlite3_stmt, decltype([](sqlite3_stmt* s) { sqlite3_finalize(s); })>;

int bind(sqlite3_stmt* statement, int index, const Database::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* text = std::get_if<std::string>(&value))
    return sqlite3_bind_text(statement, index, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  return sqlite3_bind_null(statement, index);
}

Database::Value column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_NULL: return std::monostate();
    case SQLITE_INTEGER: return sqlite3_column_int64(statement, index);
    default: break;
  }
  const auto* text = static_cast<const char*>(sqlite3_column_blob(statement, index));
  return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, index))) : std::string();
}

// As part of a URI: https://sqlite.org/uri.html.
std::string uri_path(const std::filesystem::path& path) {
  std::string encoded;
  for (const char c : path.native()) {
    if (c == '%' || c == '?' || c == '#')
      encoded += std::format("%{:02X}", static_cast<unsigned char>(c));
    else
      encoded += c;
  }
  return encoded;
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Error Database::error(int code) const {
  return {.code = code_of(code), .message = sqlite3_errmsg(handle_.get()), .context = {}};
}

Result<Database> Database::open(const std::filesystem::path& path, const Look& look) {
  std::error_code ignored;  // what is wrong is told when the file cannot be opened
  const auto kind = std::filesystem::status(path, ignored).type();
  if (kind != std::filesystem::file_type::regular && kind != std::filesystem::file_type::not_found &&
      kind != std::filesystem::file_type::none && kind != std::filesystem::file_type::directory)
    return fail(Code::forbidden, "it is no regular file");  // a pipe would be waited for
  std::filesystem::create_directories(path.parent_path(), ignored);
  Result<Database> opened = with(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, look);
  if (opened || opened.error().code == Code::malformed || opened.error().code == Code::conflict) return opened;
  // Where nothing can be written beside it either, it cannot change under whoever reads it.
  auto readable = with("file:" + uri_path(path) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, look);
  return readable ? std::move(readable) : std::move(opened);
}

Result<Database> Database::with(const std::string& name, int flags, const Look& look) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (!handle) return fail(Code::internal, "there is no memory for it");
  Database database(handle);
  if (code != SQLITE_OK) return std::unexpected(database.error(code));
  sqlite3_busy_timeout(handle, kPatience);
  if (auto fine = look(database); !fine) return std::unexpected(std::move(fine.error()));
  if ((flags & SQLITE_OPEN_CREATE) != 0) {
    ::chmod(name.c_str(), 0600);  // of whoever owns it; others cannot, and need not
    for (const char* statement : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"}) {
      if (auto done = database.run(statement); !done) return std::unexpected(std::move(done.error()));
    }
  }
  std::string found;
  auto checked = database.run("PRAGMA quick_check(1)", {}, [&](Row row) {
    if (const auto* text = std::get_if<std::string>(&row.front())) found = *text;
  });
  if (!checked) return std::unexpected(std::move(checked.error()));
  if (found != "ok") return fail(Code::malformed, found);
  return database;
}

Result<void> Database::run(const char* statement, std::initializer_list<Value> values,
                           const std::function<void(Row)>& each) {
  sqlite3_stmt* prepared = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_.get(), statement, -1, &prepared, nullptr); code != SQLITE_OK)
    return std::unexpected(error(code));
  const Statement owned(prepared);
  int index = 0;
  for (const Value& value : values) {
    if (const int code = bind(prepared, ++index, value); code != SQLITE_OK) return std::unexpected(error(code));
  }
  std::vector<Value> row;
  for (;;) {
    const int code = sqlite3_step(prepared);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return std::unexpected(error(code));
    if (!each) continue;
    row.clear();
    for (int i = 0; i < sqlite3_column_count(prepared); ++i) row.push_back(column(prepared, i));
    each(row);
  }
}

Result<void> Database::transaction(const std::function<Result<void>()>& work) {
  if (auto begun = run("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = work();
  if (done) done = run("COMMIT");
  if (!done) (void)run("ROLLBACK");
  return done;
}

}  // namespace rouse::system
