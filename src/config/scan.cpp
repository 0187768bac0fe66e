#include "config/scan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "config/names.hpp"
#include "config/reading.hpp"

namespace rouse::config {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 4;  // folders below one another; a link may make them endless
constexpr int kWhole = -1;   // no count of parts
constexpr std::string_view kCache = "models--";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Whether a word of the name (letters and digits between anything else) is this one, in upper or lower case.
bool has_word(std::string_view name, std::string_view word) {
  while (!name.empty()) {
    const auto begin = std::ranges::find_if(name, is_letter_or_digit);
    const auto end = std::find_if_not(begin, name.end(), is_letter_or_digit);
    if (std::ranges::equal(std::string_view(begin, end), word, {}, lower)) return true;
    name = {end, name.end()};
  }
  return false;
}

struct Shard {
  std::string_view whole;  // the name without the part that counts
  int number = 1;
  int count = 1;
};

// "name-00002-of-00003" is the second of the three parts of "name"; anything else is whole.
Shard shard_of(std::string_view name) {
  constexpr std::string_view kForm = "-NNNNN-of-NNNNN";
  if (name.size() <= kForm.size()) return {name};
  const std::string_view tail = name.substr(name.size() - kForm.size());
  const auto fits = [](char c, char form) { return form == 'N' ? c >= '0' && c <= '9' : c == form; };
  if (!std::ranges::equal(tail, kForm, fits)) return {name};
  const auto number = [&](std::size_t at) { return std::atoi(std::string(tail.substr(at, 5)).c_str()); };
  return {name.substr(0, name.size() - kForm.size()), number(1), number(10)};
}

// "Q4_K_M" of "qwen3-4b-Q4_K_M": how it is quantised, as far as its name says so.
std::string_view quantisation_in(std::string_view stem) {
  const std::size_t at = stem.find_last_of("-.");
  if (at == std::string_view::npos) return {};
  const std::string_view last = stem.substr(at + 1);
  std::string_view rest = last;
  const auto takes = [&](std::string_view letters) {
    const bool is = std::ranges::equal(rest.substr(0, letters.size()), letters, {}, lower);
    if (is) rest.remove_prefix(letters.size());
    return is;
  };
  const bool begins = takes("iq") || takes("tq") || takes("mxfp") || takes("bf") || takes("q") || takes("f");
  return begins && !rest.empty() && rest[0] >= '0' && rest[0] <= '9' ? last : std::string_view();
}

std::string model_name(std::string_view file_name) {
  std::string name(file_name);
  for (char& c : name) {
    if (!is_model_name(std::string{'a', c}) || c == '/') c = '-';
  }
  return name;
}

// One folder's own files.
struct Listing {
  struct Gguf {
    std::string stem;  // without what counts parts
    fs::path path;     // of the first part
  };
  std::vector<Gguf> models;
  std::map<std::string, fs::path> projectors;  // by stem
  std::vector<fs::path> folders;
  bool has_safetensors = false;
  bool has_config = false;
};

class Scanner {
 public:
  Scanner(const std::string& folder, const Skip& skip) : skip_(skip) { scan_.config.file = folder; }

  Problems read(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator readable(folder, error);
    if (error) return {{scan_.config.file, 0, 0, "cannot be read: " + error.message()}};
    (void)is_new(folder);
    const Listing listing = list(folder);
    for (const Listing::Gguf& file : listing.models) add(model_name(file.stem), file, projector_by_name(listing, file));
    for (const fs::path& below : listing.folders) walk(below, {}, 1);
    return {};
  }

  Scan take() {
    std::erase_if(scan_.links, [&](const auto& link) { return was_read(fs::path(link.first).parent_path()); });
    for (auto& [id, model] : models_) scan_.config.models.push_back(std::move(model));
    return std::move(scan_);
  }

 private:
  void leave_out(const fs::path& what, const std::string& why) { scan_.left_out.push_back({what.string(), 0, 0, why}); }

  bool is_new(const fs::path& folder) {  // links may lead to where we have been
    struct stat found{};
    return ::stat(folder.c_str(), &found) == 0 && seen_.emplace(found.st_dev, found.st_ino).second;
  }

  bool was_read(const fs::path& folder) const {
    struct stat found{};
    return ::stat(folder.c_str(), &found) == 0 && seen_.contains({found.st_dev, found.st_ino});
  }

  void note_link(const fs::path& link) {
    std::error_code none;
    const fs::path target = fs::weakly_canonical(link.parent_path() / fs::read_symlink(link, none), none);
    if (!target.empty()) scan_.links.emplace(target.string(), link.string());
  }

  Listing list(const fs::path& folder, bool in_cache = false) {
    Listing listing;
    scan_.folders.push_back(folder.string());
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator files(folder, error); !error && files != fs::directory_iterator{};
         files.increment(error)) {
      entries.push_back(*files);
    }
    if (error) leave_out(folder, "cannot be read: " + error.message());
    std::ranges::sort(entries);
    std::map<std::pair<std::string, int>, std::map<int, fs::path>> sets;  // by whole name and count
    for (const fs::directory_entry& entry : entries) {
      const fs::path& path = entry.path();
      std::error_code none;
      if (entry.is_directory(none)) {
        if (!path.filename().string().starts_with('.')) listing.folders.push_back(path);
        continue;
      }
      const bool is_model = is_gguf(path.string());
      if (is_model && !in_cache && entry.is_symlink(none)) note_link(path);
      if (skip_ && skip_(path.string())) continue;
      if (!entry.is_regular_file(none)) {
        if (is_model) leave_out(path, entry.exists(none) ? "is no file" : "is a link that leads nowhere");
        continue;
      }
      listing.has_config |= path.filename() == "config.json";
      listing.has_safetensors |= path.extension() == ".safetensors";
      if (!is_model) continue;
      const std::string stem = path.stem().string();
      if (has_word(stem, "mmproj")) {
        listing.projectors.emplace(stem, path);
      } else if (!has_word(stem, "lora")) {
        const Shard shard = shard_of(stem);
        sets[{std::string(shard.whole), shard.whole == stem ? kWhole : shard.count}].emplace(shard.number, path);
      }
    }
    for (auto& [whole, parts] : sets) {
      if (whole.second == kWhole || is_complete(folder, whole.first, whole.second, parts))
        listing.models.push_back({whole.first, parts.begin()->second});
    }
    return listing;
  }

  bool is_complete(const fs::path& folder, const std::string& whole, int count, const std::map<int, fs::path>& parts) {
    if (count == 0) leave_out(parts.begin()->second, "is one of no parts, by its name");
    for (int i = 1; i <= count; ++i) {
      if (parts.contains(i)) continue;
      const auto there = std::ranges::count_if(parts, [&](const auto& part) { return part.first <= count; });
      leave_out(folder / whole, std::format("{} of its {} parts are there; {}-{:05}-of-{:05}.gguf is missing", there,
                                            count, whole, i, count));
      return false;
    }
    return count > 0;
  }

  static fs::path projector_by_name(const Listing& listing, const Listing::Gguf& file) {
    const std::string id = model_name(file.stem);
    for (const std::string& name : {"mmproj-" + id, id + "-mmproj", id + ".mmproj"}) {
      if (const auto found = listing.projectors.find(name); found != listing.projectors.end()) return found->second;
    }
    return {};
  }

  // Where the folder is one model's: any there is; of several the one that is as precise as people use them.
  static fs::path projector_of(const Listing& listing, const Listing::Gguf& file) {
    if (fs::path named = projector_by_name(listing, file); !named.empty() || listing.projectors.empty()) return named;
    const auto usual = std::ranges::find_if(listing.projectors, [](const auto& p) { return has_word(p.first, "f16"); });
    return usual != listing.projectors.end() ? usual->second : listing.projectors.begin()->second;
  }

  void add(const std::string& id, const Listing::Gguf& file, const fs::path& projector) {
    if (!is_model_name(id))
      return leave_out(file.path, std::format("{} cannot name a model; expected {}", in_quotes(id), kModelNameRule));
    Model model;
    model.read_ahead = false;  // it is mapped
    model.id = id;
    Llama& llama = model.engine.emplace<Llama>();
    llama.source = file.path.string();
    llama.mmproj = projector.string();
    const auto [there, added] = models_.emplace(id, std::move(model));
    if (added) return;
    leave_out(file.path, std::format("this and {} would both be model {}; rename one",
                                     in_quotes(std::get<Llama>(there->second.engine).source), in_quotes(id)));
  }

  // The models of a folder that is called so; several are told apart by how they are quantised, or by their names.
  void add_all(const std::string& name, const Listing& listing) {
    if (listing.models.size() == 1) {
      const Listing::Gguf& only = listing.models.front();
      return add(name, only, projector_of(listing, only));
    }
    std::map<std::string_view, int> quantisations;
    for (const Listing::Gguf& file : listing.models) ++quantisations[quantisation_in(file.stem)];
    for (const Listing::Gguf& file : listing.models) {
      const std::string_view quantisation = quantisation_in(file.stem);
      const bool told_apart = !quantisation.empty() && quantisations[quantisation] == 1;
      add(told_apart ? std::format("{}:{}", name, quantisation) : std::format("{}/{}", name, model_name(file.stem)),
          file, projector_of(listing, file));
    }
  }

  void tell_of_other_formats(const fs::path& folder, const Listing& listing) {
    if (!listing.models.empty() || !listing.has_config || !listing.has_safetensors) return;
    leave_out(folder,
              "a model in Hugging Face's own format (safetensors), which no engine here can serve; put a GGUF "
              "of it there, or give it a server of its own with engine: command");
  }

  void walk(const fs::path& folder, const std::string& above, int depth) {
    if (!is_new(folder)) return;
    if (depth > kDeepest)
      return leave_out(folder, std::format("lies more than {} folders deep and is not looked into", kDeepest));
    const std::string own = folder.filename().string();
    if (own.starts_with(kCache)) return read_cache(folder, own.substr(kCache.size()));
    const Listing listing = list(folder);
    const std::string name = above.empty() ? model_name(own) : above + "/" + model_name(own);
    add_all(name, listing);
    tell_of_other_formats(folder, listing);
    for (const fs::path& below : listing.folders) walk(below, name, depth + 1);
  }

  // "org--name" of the Hugging Face cache: blobs, refs, and snapshots of links to blobs.
  void read_cache(const fs::path& folder, std::string name) {
    if (const std::size_t at = name.find("--"); at != std::string::npos) name.replace(at, 2, "/");
    scan_.folders.push_back(folder.string());
    const fs::path snapshots = folder / "snapshots";
    std::error_code none;
    if (!fs::is_directory(snapshots, none)) return;  // it has only just begun
    if (fs::is_directory(folder / "refs", none)) scan_.folders.push_back((folder / "refs").string());
    const std::vector<fs::path> all = list(snapshots, true).folders;
    if (all.empty()) return;
    std::string present;
    std::getline(std::ifstream(folder / "refs" / "main"), present);
    const auto main = std::ranges::find(all, snapshots / present);
    const auto when = [&](const fs::path& path) { return fs::last_write_time(path, none); };
    const fs::path snapshot = main != all.end() ? *main : *std::ranges::max_element(all, {}, when);
    Listing listing = list(snapshot, true);
    for (const fs::path& below : listing.folders) {  // parts of one model often have a folder of their own
      Listing more = list(below, true);
      std::ranges::move(more.models, std::back_inserter(listing.models));
      listing.projectors.merge(more.projectors);
    }
    add_all(name, listing);
    tell_of_other_formats(snapshot, listing);
  }

  const Skip& skip_;
  Scan scan_;
  std::map<std::string, Model> models_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

bool is_gguf(const std::string& path) {
  return std::ranges::equal(fs::path(path).extension().string(), std::string_view(".gguf"), {}, lower);
}

std::expected<Scan, Problems> scan_models(const std::string& folder, const Skip& skip) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  if (error) return std::unexpected(Problems{{folder, 0, 0, "cannot be read: " + error.message()}});
  Scanner scanner(folder, skip);
  if (Problems unreadable = scanner.read(absolute); !unreadable.empty()) return std::unexpected(std::move(unreadable));
  return scanner.take();
}

}  // namespace rouse::config
