#include "base/nearest.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace rouse {
namespace {

constexpr std::size_t kLongest = 200;  // names beyond this are nobody's typing error

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(char a, char b) { return lower(a) == lower(b); }

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. Nothing above `limit`.
std::optional<std::size_t> distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return std::nullopt;
  using Row = std::array<std::size_t, kLongest + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    std::size_t best = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = same(a[i - 1], b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
      best = std::min(best, row[j]);
    }
    if (best > limit) return std::nullopt;
    before_last = last;
    last = row;
  }
  return last[b.size()] <= limit ? std::optional(last[b.size()]) : std::nullopt;
}

bool begins_or_ends_with(std::string_view whole, std::string_view part) {
  if (part.size() < 3 || part.size() > whole.size()) return false;
  return std::ranges::equal(whole.substr(0, part.size()), part, same) ||
         std::ranges::equal(whole.substr(whole.size() - part.size()), part, same);
}

}  // namespace

std::vector<std::string_view> nearest_names(std::string_view name, std::span<const std::string_view> candidates,
                                            std::size_t max) {
  struct Near {
    std::size_t rank;
    std::string_view name;
  };
  if (name.empty() || name.size() > kLongest) return {};
  const std::size_t limit = name.size() < 3 ? 1 : std::clamp<std::size_t>(name.size() / 3, 2, 5);
  std::vector<Near> found;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongest) continue;
    if (const auto typing_errors = distance(name, candidate, limit)) {
      found.push_back({*typing_errors, candidate});
    } else if (begins_or_ends_with(candidate, name) || begins_or_ends_with(name, candidate)) {
      found.push_back({limit + 1, candidate});
    }
  }
  std::ranges::sort(found,
                    [](const Near& a, const Near& b) { return a.rank != b.rank ? a.rank < b.rank : a.name < b.name; });
  std::vector<std::string_view> names;
  for (const Near& near : found) {
    if (names.size() == max) break;
    if (names.empty() || names.back() != near.name) names.push_back(near.name);
  }
  return names;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates, std::size_t max) {
  const std::vector<std::string_view> names = nearest_names(name, candidates, max);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "did you mean \"" : i + 1 < names.size() ? ", \"" : " or \"";
    text += names[i];
    text += '"';
  }
  if (!text.empty()) text += '?';
  return text;
}

}  // namespace rouse
