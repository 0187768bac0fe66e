// The few edits a request's body may need on its way to an engine. They are noted while the body is looked at, and made
// on a copy afterwards; every byte that no edit names stays as the client sent it. A body without edits is not copied.
//
// A value. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::api {

// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool empty() const { return begin == end; }
  std::string_view in(std::string_view text) const { return text.substr(begin, end - begin); }
};

class Edits {
 public:
  // The places of different edits do not overlap.
  void replace(Span place, std::string with) { edits_.push_back({Kind::replace, place, std::move(with)}); }
  void insert(std::size_t at, std::string text) { replace({at, at}, std::move(text)); }
  void cut(Span place) { replace(place, {}); }

  // Members of a JSON object, with the commas that then are too many or are missing; a new one goes right behind the
  // object's brace.
  void cut_member(Span member) { edits_.push_back({Kind::cut_member, member, {}}); }
  void add_member(std::size_t behind_brace, std::string member) {
    edits_.push_back({Kind::add_member, {behind_brace, behind_brace}, std::move(member)});
  }

  bool empty() const { return edits_.empty(); }
  std::string made_in(std::string_view text) const;

 private:
  enum class Kind : std::uint8_t { replace, cut_member, add_member };
  struct Edit {
    Kind kind;
    Span place;
    std::string with;
  };
  std::vector<Edit> edits_;
};

}  // namespace rouse::api
