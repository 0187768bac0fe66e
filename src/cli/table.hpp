// Columns that line up, for a terminal or a pipe. A plain value; pure.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace rouse::cli {

enum class Align : unsigned char { left, right };
enum class Show : unsigned char { always, if_used };  // if_used: left out when all its cells are empty

struct Column {
  std::string title;
  Align align = Align::left;
  Show show = Show::always;
};

struct Cell {
  Cell(std::string shown, Style in = Style::plain)  // NOLINT(google-explicit-constructor): every text is one
      : text(std::move(shown)), style(in) {}
  std::string text;
  Style style;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);  // one cell a column
  bool empty() const { return rows_.empty(); }

  // Lines without trailing spaces, each ended. On a terminal the last column is cut so that no line wraps.
  std::string rendered(const Terminal& terminal) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace rouse::cli
