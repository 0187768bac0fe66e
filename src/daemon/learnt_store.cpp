#include "daemon/learnt_store.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <format>
#include <utility>

namespace rouse::daemon {
namespace {

using system::Database;

constexpr std::int64_t kVersion = 1;                         // of the tables
constexpr std::int64_t kForgottenAfter = 90 * 24 * 60 * 60;  // seconds without a change
constexpr std::int64_t kMostBytes = std::int64_t{1} << 50U;  // of one device: more is damage
constexpr const char* kTables[] = {
    R"(CREATE TABLE learnt(
         model TEXT NOT NULL, identity TEXT NOT NULL, placement TEXT NOT NULL,
         cold_ns INTEGER, cached_ns INTEGER, wake_ns INTEGER,
         loads INTEGER NOT NULL, wakes INTEGER NOT NULL, failures INTEGER NOT NULL, out_of_memory INTEGER NOT NULL,
         last_used INTEGER NOT NULL, changed INTEGER NOT NULL,
         PRIMARY KEY(model, identity, placement)) WITHOUT ROWID)",
    R"(CREATE TABLE learnt_bytes(
         model TEXT NOT NULL, identity TEXT NOT NULL, placement TEXT NOT NULL, device TEXT NOT NULL,
         footprint INTEGER, peak INTEGER, needed INTEGER,
         PRIMARY KEY(model, identity, placement, device),
         FOREIGN KEY(model, identity, placement) REFERENCES learnt ON DELETE CASCADE) WITHOUT ROWID)"};

Database::Value nanoseconds(const std::optional<Duration>& duration) {
  if (!duration) return std::monostate();
  return std::int64_t{duration->count()};
}

std::optional<Duration> duration(const Database::Value& nanoseconds) {
  const auto* count = std::get_if<std::int64_t>(&nanoseconds);
  return count && *count >= 0 ? std::optional(Duration(*count)) : std::nullopt;
}

std::int64_t number(const Database::Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number ? *number : 0;
}

std::uint64_t count(const Database::Value& value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(value)));
}

std::string text(const Database::Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : std::string();
}

Database::Value bytes(const BytesByDevice& all, const std::string& device) {
  const auto found = all.find(device);
  if (found == all.end()) return std::monostate();
  return found->second.count;
}

void take(BytesByDevice& into, const std::string& device, const Database::Value& value) {
  const auto* bytes = std::get_if<std::int64_t>(&value);
  if (bytes && *bytes >= 0 && *bytes <= kMostBytes) into[device] = Bytes{*bytes};
}

std::int64_t seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Result<void> is_ours(Database& database) {
  bool is_of_others = false;
  auto done = database.run(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'learnt%' AND name NOT LIKE 'sqlite%'", {},
      [&](Database::Row) { is_of_others = true; });
  if (done && is_of_others) return fail(Code::internal, "it is another program's");
  return done;
}

Result<void> put(Database& database, const LearntKey& key, const LearntRecord& record, std::int64_t now) {
  auto done = database.run("DELETE FROM learnt WHERE changed < ?1", {now - kForgottenAfter});
  if (!done) return done;
  done =
      database.run("REPLACE INTO learnt VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                   {key.model, key.identity, key.placement, nanoseconds(record.load.cold),
                    nanoseconds(record.load.cached), nanoseconds(record.wake), static_cast<std::int64_t>(record.loads),
                    static_cast<std::int64_t>(record.wakes), static_cast<std::int64_t>(record.failures),
                    static_cast<std::int64_t>(record.out_of_memory), record.last_used, now});
  if (!done) return done;
  BytesByDevice devices = record.footprint;
  for (const auto* more : {&record.peak, &record.needed}) devices.insert(more->begin(), more->end());
  for (const auto& [device, ignored] : devices) {
    done = database.run("REPLACE INTO learnt_bytes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        {key.model, key.identity, key.placement, device, bytes(record.footprint, device),
                         bytes(record.peak, device), bytes(record.needed, device)});
    if (!done) return done;
  }
  return {};
}

}  // namespace

LearntStore::LearntStore(Parts parts, std::filesystem::path path, std::function<void(LearntRecords)> read)
    : parts_(parts), path_(std::move(path)), reading_(was_read_.get_future().share()) {
  if (path_.empty()) {
    was_read_.set_value();
    return;
  }
  thread_.emplace(1);
  boost::asio::post(*thread_, [this, read = std::move(read)] {
    open();
    auto records = read_all();
    if (!records) complain(records.error());
    if (records && !records->empty())
      boost::asio::post(parts_.io, [read, records = std::move(*records)]() mutable { read(std::move(records)); });
    was_read_.set_value();
  });
}

LearntStore::~LearntStore() {
  if (!thread_) return;
  boost::asio::post(*thread_, [this] {
    if (!unforgotten_.empty()) change([](Database&) { return Result<void>(); });
  });
  thread_->join();
}

void LearntStore::await_read(Duration within) const { reading_.wait_for(within); }

void LearntStore::write(const LearntKey& key, const LearntRecord& record) {
  if (!thread_) return;
  boost::asio::post(*thread_, [this, key, record] {
    change([&](Database& database) { return put(database, key, record, seconds(parts_.clock.wall())); });
  });
}

void LearntStore::forget(const std::string& model) {
  if (!thread_) return;
  boost::asio::post(*thread_, [this, model] {
    unforgotten_.insert(model);
    change([](Database&) { return Result<void>(); });
  });
}

// --- on the thread ------------------------------------------------------------------------------------------

void LearntStore::open() {
  auto opened = make_ready();
  if (!opened && opened.error().code == Code::malformed) {
    if (auto aside = set_aside(); !aside) {
      opened = fail(Code::forbidden, std::format("it is damaged ({}), and cannot be set aside ({})",
                                                 opened.error().message, aside.error().message));
    } else {
      warn(std::format("{} is damaged ({}): it is set aside as {}.damaged, and what it said of models is learnt anew",
                       path_.string(), opened.error().message, path_.string()));
      opened = make_ready();
    }
  }
  if (opened)
    database_ = std::move(*opened);
  else
    complain(opened.error());
}

Result<Database> LearntStore::make_ready() {
  auto opened = Database::open(path_, is_ours);
  if (!opened) return opened;
  std::int64_t version = 0;
  const auto read_version = [&](Database::Row row) { version = number(row.front()); };
  for (const char* statement : {"PRAGMA foreign_keys = ON", "PRAGMA user_version"}) {
    if (auto done = opened->run(statement, {}, read_version); !done) return std::unexpected(done.error());
  }
  if (version == kVersion) {
    for (const char* table : {"SELECT 1 FROM learnt LIMIT 1", "SELECT 1 FROM learnt_bytes LIMIT 1"}) {
      auto there = opened->run(table);
      if (!there && there.error().code == Code::internal) return fail(Code::malformed, there.error().message);
      if (!there) return std::unexpected(std::move(there.error()));
    }
    return opened;
  }
  if (version != 0)
    return fail(Code::internal, std::format("it was written by another version of Rouse ({})", version));
  auto made = opened->transaction([&]() -> Result<void> {
    for (const char* table : kTables) {
      if (auto done = opened->run(table); !done) return done;
    }
    return opened->run("PRAGMA user_version = 1");
  });
  if (!made) return std::unexpected(std::move(made.error()));
  return opened;
}

// With what belongs to it.
Result<void> LearntStore::set_aside() const {
  std::error_code error;
  std::filesystem::rename(path_, path_.string() + ".damaged", error);
  if (error) return fail(Code::forbidden, error.message());
  for (const char* part : {"-wal", "-shm"}) std::filesystem::remove(path_.string() + part, error);
  return {};
}

Result<LearntRecords> LearntStore::read_all() {
  LearntRecords records;
  if (!database_) return records;
  const auto key_of = [](Database::Row row) { return LearntKey{text(row[0]), text(row[1]), text(row[2])}; };
  auto done = database_->run("SELECT * FROM learnt", {}, [&](Database::Row row) {
    records[key_of(row)] = {.footprint = {},
                            .peak = {},
                            .needed = {},
                            .load = {.cold = duration(row[3]), .cached = duration(row[4])},
                            .wake = duration(row[5]),
                            .loads = count(row[6]),
                            .wakes = count(row[7]),
                            .failures = count(row[8]),
                            .out_of_memory = count(row[9]),
                            .last_used = number(row[10])};
  });
  if (done) {
    done = database_->run("SELECT * FROM learnt_bytes", {}, [&](Database::Row row) {
      const auto known = records.find(key_of(row));
      if (known == records.end()) return;
      const std::string device = text(row[3]);
      take(known->second.footprint, device, row[4]);
      take(known->second.peak, device, row[5]);
      take(known->second.needed, device, row[6]);
    });
  }
  if (!done) return std::unexpected(std::move(done.error()));
  return records;
}

void LearntStore::change(const std::function<Result<void>(Database&)>& work) {
  if (!database_) open();
  if (!database_) return;
  auto done = database_->transaction([&]() -> Result<void> {
    for (const std::string& model : unforgotten_) {
      if (auto gone = database_->run("DELETE FROM learnt WHERE model = ?1", {model}); !gone) return gone;
    }
    return work(*database_);
  });
  if (done) {
    unforgotten_.clear();
    return complained_.clear();
  }
  if (done.error().code == Code::malformed) {  // another's doing, while we run
    database_.reset();
    return open();
  }
  complain(done.error());
}

void LearntStore::complain(const Error& error) {
  if (std::exchange(complained_, error.message) == error.message) return;
  warn(std::format("what is learnt of models is not kept in {}: {}. Rouse goes on without; `state:` names another file",
                   path_.string(), error.message));
}

void LearntStore::warn(std::string words) const {
  boost::asio::post(parts_.io,
                    [&log = parts_.log, words = std::move(words)] { log.write(system::Level::warning, words); });
}

}  // namespace rouse::daemon
