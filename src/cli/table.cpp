#include "cli/table.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "cli/text.hpp"

namespace rouse::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;  // of the last column, however little room is left

}  // namespace

void Table::add(std::vector<Cell> row) {
  assert(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = one_line(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::rendered(const Terminal& terminal) const {
  std::vector<std::size_t> shown;  // columns
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    const bool used = std::ranges::any_of(rows_, [&](const auto& row) { return !row[at].text.empty(); });
    if (columns_[at].show == Show::if_used && !used) continue;
    widths[at] = display_width(columns_[at].title);
    for (const auto& row : rows_) widths[at] = std::max(widths[at], display_width(row[at].text));
    shown.push_back(at);
  }
  if (shown.empty()) return "";
  if (terminal.look().out_is_terminal) {
    std::size_t before = 0;
    for (const std::size_t at : shown) before += at == shown.back() ? 0 : widths[at] + kGap;
    const std::size_t room = terminal.look().columns > before ? terminal.look().columns - before : 0;
    widths[shown.back()] = std::min(widths[shown.back()], std::max(room, kNarrowest));
  }

  std::string lines;
  const auto add_line = [&](const auto& cell_of) {
    std::size_t owed = 0;  // spaces, written only once something follows them
    for (const std::size_t at : shown) {
      const Cell& cell = cell_of(at);
      const std::string text = fit(cell.text, widths[at]);
      const std::size_t padding = widths[at] - display_width(text);
      if (columns_[at].align == Align::right) owed += padding;
      if (!text.empty()) {
        lines.append(owed, ' ').append(terminal.painted(cell.style, text));
        owed = 0;
      }
      owed += kGap + (columns_[at].align == Align::left ? padding : 0);
    }
    lines += '\n';
  };
  std::vector<Cell> titles;
  titles.reserve(columns_.size());
  for (const Column& column : columns_) titles.emplace_back(column.title, Style::strong);
  add_line([&](std::size_t at) -> const Cell& { return titles[at]; });
  for (const auto& row : rows_) {
    add_line([&](std::size_t at) -> const Cell& { return row[at]; });
  }
  return lines;
}

}  // namespace rouse::cli
