#include "cli/table.hpp"

#include <catch2/catch_test_macros.hpp>
#include <sstream>

namespace rouse::cli {
namespace {

std::string rendered(const Table& table, Terminal::Look look = {}) {
  std::istringstream in;
  std::ostringstream out;
  return table.rendered(Terminal({in, out, out}, look));
}

TEST_CASE("columns line up by width on the screen, without spaces at the end") {
  Table table({{"MODEL"}, {"SIZE", Align::right}, {"STATE"}});
  table.add({Cell("模型"), Cell("3 GiB"), Cell("ready")});
  table.add({Cell("größer-als"), Cell("512 MiB"), Cell("")});
  CHECK(rendered(table) ==
        "MODEL          SIZE  STATE\n"
        "模型          3 GiB  ready\n"
        "größer-als  512 MiB\n");
}

TEST_CASE("a column that nobody uses is left out if it may be") {
  Table table({{"MODEL"}, {"NOTE", Align::left, Show::if_used}});
  table.add({Cell("a"), Cell("")});
  CHECK(rendered(table) == "MODEL\na\n");
  table.add({Cell("b"), Cell("broken")});
  CHECK(rendered(table) == "MODEL  NOTE\na\nb      broken\n");
}

TEST_CASE("the last column is cut on a terminal and whole in a pipe") {
  Table table({{"MODEL"}, {"NOTE"}});
  table.add({Cell("a"), Cell("a rather long sentence")});
  CHECK(rendered(table).contains("a rather long sentence\n"));
  CHECK(rendered(table, {.out_is_terminal = true, .columns = 20}) == "MODEL  NOTE\na      a rather lon…\n");
}

TEST_CASE("colours stand around the text only, and only where they are wanted") {
  Table table({{"STATE"}, {"MODEL"}});
  table.add({Cell("bad", Style::bad), Cell("a")});
  CHECK(rendered(table, {.colour = true}).contains("\x1b[31mbad\x1b[0m    a\n"));
  CHECK_FALSE(rendered(table).contains('\x1b'));
}

TEST_CASE("a cell cannot break its row or paint the terminal") {
  Table table({{"NOTE"}});
  table.add({Cell("one\ntwo\x1b[2J")});
  CHECK(rendered(table) == "NOTE\none two[2J\n");
}

}  // namespace
}  // namespace rouse::cli
