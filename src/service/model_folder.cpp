#include "service/model_folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <format>
#include <utility>

namespace rouse {
namespace {

namespace fs = std::filesystem;
using Kind = system::FolderEvent::Kind;

constexpr auto kQuiet = std::chrono::milliseconds(100);  // what comes together is taken together
constexpr auto kLongest = std::chrono::seconds(2);       // though it never becomes quiet

// Without a slash at its end, and nothing else by which two texts could be the same path.
std::string plain(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

// Whether files of this name have a say in what models there are.
bool matters(const std::string& path) {
  const fs::path name = fs::path(path).filename();
  return config::is_gguf(path) || name.extension() == ".safetensors" || name == "config.json" ||
         name == "main";  // refs/main
}

bool is_link(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode);
}

// A file that has only been created will be written and closed; a link is there at once.
bool is_there_at_once(const std::string& path) {
  struct stat found{};
  return is_link(path) || (::lstat(path.c_str(), &found) == 0 && found.st_nlink > 1);
}

// "…/big-00001-of-" of the first of several parts; all of the path for anything else.
std::string_view common_part(std::string_view path) {
  const std::size_t at = path.rfind("-00001-of-");
  return at == std::string_view::npos ? path : path.substr(0, at + 1);
}

bool has_file_among(const config::Model& model, const std::set<std::string>& paths) {
  const auto* llama = std::get_if<config::Llama>(&model.engine);
  if (!llama) return false;
  return std::ranges::any_of(paths, [&](const std::string& path) {
    return path == llama->mmproj || path.starts_with(common_part(llama->source));
  });
}

}  // namespace

ModelFolder::ModelFolder(boost::asio::io_context& io, const Clock& clock, system::Logger& log, std::string folder,
                         Check check)
    : io_(io),
      clock_(clock),
      log_(log),
      folder_(std::move(folder)),
      path_(plain(folder_)),
      check_(std::move(check)),
      quiet_(io) {}

ModelFolder::~ModelFolder() {
  if (pool_) pool_->join();
}

std::expected<config::Scan, config::Problems> ModelFolder::look(const Look& at) {
  auto scan = config::scan_models(at.folder, [&](const std::string& path) { return at.in_progress.contains(path); });
  if (!scan || at.believes) return scan;
  std::erase_if(scan->config.models, [&](const config::Model& model) {
    if (std::ranges::contains(at.taken, model) && !has_file_among(model, at.written)) return false;
    const Result<void> good = at.check(model);
    if (good) return false;
    const std::string& file = std::get<config::Llama>(model.engine).source;
    const auto& [code, message, context] = good.error();
    const bool elsewhere = !context.empty() && context != file;
    scan->left_out.push_back({file, 0, 0, elsewhere ? in_full(good.error()) : message});
    return true;
  });
  return scan;
}

ModelFolder::Look ModelFolder::next_look() {
  return {.folder = path_,
          .check = check_,
          .believes = !begun_,
          .taken = taken_,
          .written = std::exchange(written_, {}),
          .in_progress = in_progress_};
}

ModelFolder::Found ModelFolder::read() { return take(look(next_look())); }

ModelFolder::Found ModelFolder::take(std::expected<config::Scan, config::Problems> seen) {
  if (!seen && !begun_) {
    for (config::Problem& problem : seen.error()) problem.file = folder_;
    return std::unexpected(std::move(seen.error()));
  }
  if (!seen) {
    seen = config::Scan{};
    if (std::exchange(there_, false))
      log_.warning("{} is gone, and its models with it; they are served again when it is back", folder_);
    watch_for_return();
  } else if (!std::exchange(there_, true)) {
    log_.info("{} is back", folder_);
    if (watch_) watch_->forget(parent());
  }
  seen->config.file = folder_;
  begun_ = true;
  taken_ = seen->config.models;
  tell(seen->left_out);
  if (watch_) watch_folders(*seen);
  return std::move(seen->config);
}

// Once for as long as it stays so.
void ModelFolder::tell(const config::Problems& left_out) {
  std::map<std::string, std::string> told;
  for (const config::Problem& problem : left_out) {
    const auto before = told_.find(problem.file);
    if (before == told_.end() || before->second != problem.message) log_.warning("left out: {}", to_string(problem));
    told.emplace(problem.file, problem.message);
  }
  told_ = std::move(told);
}

// --- watching ---------------------------------------------------------------------------------------------------

void ModelFolder::watch(std::function<void(config::Config)> changed) {
  changed_ = std::move(changed);
  auto watch = system::FolderWatch::create(io_, [this](const system::FolderEvent& event) { heard(event); });
  if (!watch) return log_.warning("{}; `rouse reload` looks at {} again", watch.error().message, folder_);
  watch_ = std::move(*watch);
  pool_.emplace(1);
  look_again();  // what came since the first look; it begins to watch
}

void ModelFolder::watch_folders(const config::Scan& seen) {
  looked_into_ = {seen.folders.begin(), seen.folders.end()};
  links_ = seen.links;
  std::vector<std::string> folders = seen.folders;  // first: nothing elsewhere may keep them from being watched
  for (const auto& [file, link] : links_) folders.push_back(fs::path(file).parent_path().string());
  bool more = false;
  for (const std::string& folder : folders) {
    if (watch_->watches(folder)) continue;
    if (const auto watching = watch_->watch(folder)) {
      more = true;
    } else if (fs::exists(folder)) {
      log_.warning("{}; `rouse reload` looks at it again", watching.error().message);
      break;  // nor will the others
    }
  }
  if (more) settle();  // for what came between the look and the watch
}

std::string ModelFolder::parent() const { return fs::path(path_).parent_path().string(); }

void ModelFolder::watch_for_return() {
  if (!watch_) return;
  if (!watch_->watch(parent())) return log_.warning("nobody will tell when {} is back: then `rouse reload`", folder_);
  if (fs::is_directory(path_)) settle();  // meanwhile
}

void ModelFolder::heard(const system::FolderEvent& event) {
  if (event.kind == Kind::lost || event.kind == Kind::missed) return settle();
  const auto [first, last] = links_.equal_range(event.path);
  for (auto link = first; link != last; ++link) note(event, link->second);
  const std::string folder = fs::path(event.path).parent_path().string();
  const bool outside = folder == parent();
  if (outside ? event.path != path_ : !looked_into_.contains(folder)) return;
  // Also a link to a folder, which may be gone already.
  const bool of_folder =
      event.is_folder || (!matters(event.path) && (is_link(event.path) || watch_->watches(event.path)));
  if (of_folder || outside) return settle();
  if (matters(event.path)) note(event, event.path);
}

// `path` is the file that the event is about, or a link to it.
void ModelFolder::note(const system::FolderEvent& event, const std::string& path) {
  if (event.kind == Kind::created && !is_there_at_once(event.path)) {
    in_progress_.insert(path);
    return;
  }
  in_progress_.erase(path);
  if (event.kind != Kind::went) written_.insert(path);
  settle();
}

void ModelFolder::settle() {
  const TimePoint now = clock_.now();
  if (!first_change_) first_change_ = now;
  quiet_.expires_at(std::min(now + kQuiet, *first_change_ + kLongest));
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_again();
  });
}

void ModelFolder::look_again() {
  if (looking_) return;  // whoever looks comes back here
  looking_ = true;
  first_change_.reset();
  boost::asio::post(*pool_, [this, at = next_look()] {
    auto seen = look(at);
    boost::asio::post(io_, [this, seen = std::move(seen)]() mutable {
      looking_ = false;
      const bool meanwhile = first_change_.has_value();
      auto found = take(std::move(seen));
      if (meanwhile) settle();
      if (found) changed_(std::move(*found));
    });
  });
}

}  // namespace rouse
