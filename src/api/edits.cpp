#include "api/edits.hpp"

#include <algorithm>
#include <utility>

namespace rouse::api {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// The member with the comma behind it, or, if it is the last one, with the comma before it.
Span with_comma(std::string_view text, Span member) {
  const std::size_t next = text.find_first_not_of(kSpace, member.end);
  if (next != std::string_view::npos && text[next] == ',') return {member.begin, next + 1};
  const std::size_t before =
      member.begin == 0 ? std::string_view::npos : text.find_last_not_of(kSpace, member.begin - 1);
  if (before != std::string_view::npos && text[before] == ',') return {before, member.end};
  return member;
}

bool holds_member(std::string_view text, std::size_t behind_brace) {
  const std::size_t next = text.find_first_not_of(kSpace, behind_brace);
  return next != std::string_view::npos && text[next] != '}';
}

}  // namespace

std::string Edits::made_in(std::string_view text) const {
  std::vector<const Edit*> last_first;
  last_first.reserve(edits_.size());
  for (const Edit& edit : edits_) last_first.push_back(&edit);
  // From the back, so that places before an edit stay true, and a comma is judged by what is left behind it.
  std::ranges::stable_sort(last_first, std::ranges::greater{},
                           [](const Edit* edit) { return std::pair(edit->place.begin, edit->place.end); });
  std::string out(text);
  for (const Edit* edit : last_first) {
    const Span place = edit->kind == Kind::cut_member ? with_comma(out, edit->place) : edit->place;
    const bool needs_comma = edit->kind == Kind::add_member && holds_member(out, place.begin);
    out.replace(place.begin, place.end - place.begin, edit->with);
    if (needs_comma) out.insert(place.begin + edit->with.size(), 1, ',');
  }
  return out;
}

}  // namespace rouse::api
