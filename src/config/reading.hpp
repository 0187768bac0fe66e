// One pass over a document's nodes: turns scalars into typed values and collects what is wrong with them, all of it.
//
// A reader takes an Entry (a key and its value) and the place to write to. It writes only what is right; what is
// wrong becomes a Problem, and the default stays. Used by one thread, during one call of `load`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "config/config.hpp"
#include "config/yaml.hpp"

namespace rouse::config {

struct Entry {
  std::string_view key;
  const yaml::Node* at = nullptr;  // the key, to point at
  const yaml::Node* value = nullptr;
};

// What a map describes, for people: `model "chat"`, `budgets`.
struct Subject {
  std::string_view what;
  std::string_view name = {};
};
std::string to_string(Subject subject);

// The text in quotes, on one line, shortened.
std::string in_quotes(std::string_view text);

class Reading {
 public:
  // Paths in the document are relative to `folder`. All of these outlive the reading.
  Reading(const yaml::Document& document, const std::string& file, const std::string& folder,
          const Environment& environment);

  void problem(const yaml::Node& at, std::string message);
  void expected(const Entry& entry, std::string_view what);  // `keep: expected …, found "…"`
  Problems take_problems();                                  // in order, each once
  Place place(const yaml::Node& node) const;
  const std::string& folder() const { return folder_; }  // that paths are relative to

  // A list's items, their key being the list's; a map's pairs, with those merged in by << that it has not itself.
  // Nothing counts as empty. What is neither, or there twice, is a problem.
  std::vector<Entry> items(const Entry& list, std::string_view what);
  std::vector<Entry> pairs(const Entry& map, Subject subject);

  // Calls `read(index, entry)` for each pair whose key is among `names`; the others are problems.
  template <class Read>
  void fields(const Entry& map, Subject subject, std::span<const std::string_view> names, Read read) {
    fields(pairs(map, subject), subject, names, read);
  }
  // The same for pairs that are at hand.
  template <class Read>
  void fields(std::span<const Entry> pairs, Subject subject, std::span<const std::string_view> names, Read read) {
    for (const Entry& pair : pairs) {
      const auto found = std::ranges::find(names, pair.key);
      if (found == names.end()) {
        unknown_key(pair, subject, names);
      } else {
        read(static_cast<std::size_t>(found - names.begin()), pair);
      }
    }
  }
  void unknown_key(const Entry& entry, Subject subject, std::span<const std::string_view> names);

  // Scalars. `into` changes only if all is well.
  void text(const Entry& entry, std::string& into);
  void path(const Entry& entry, std::string& into);
  void program(const Entry& entry, std::string& into);  // a path, or a bare name, which is left as it is
  void boolean(const Entry& entry, bool& into);
  void number(const Entry& entry, double& into);
  void integer(const Entry& entry, std::uint32_t least, std::uint32_t most, std::uint32_t& into);
  void bytes(const Entry& entry, Bytes least, Bytes& into);
  void duration(const Entry& entry, Duration least, Duration& into);
  void secret(const Entry& entry, std::string& into);  // the value of the environment variable that is named there
  std::optional<std::size_t> word(const Entry& entry, std::span<const std::string_view> names);  // which of them

  // A scalar's text after ${…}; nothing, and a problem that says what was expected, if it is none.
  std::optional<std::string_view> scalar(const Entry& entry, std::string_view what);

 private:
  std::optional<std::string_view> substituted(const yaml::Node& node);
  std::optional<std::string> resolved(const Entry& entry, std::string_view path);

  const yaml::Document& document_;
  const std::string& file_;
  const std::string& folder_;
  const Environment& environment_;
  Problems problems_;
  std::deque<std::string> texts_;  // those that hold something of the environment
};

// "a, b or c"
std::string alternatives(std::span<const std::string_view> names);

}  // namespace rouse::config
