// The daemon's own log: one line a fact, to stderr. Owner thread.
#pragma once

#include <cstdint>
#include <format>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rouse::system {

enum class Level : std::uint8_t { debug, info, warning, error };

class Logger {
 public:
  explicit Logger(Level lowest = Level::info);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // Control characters in `line` are escaped: nobody can forge a second line.
  void write(Level level, std::string_view line);

  template <class... Args>
  void info(std::format_string<Args...> format, Args&&... args) {
    write(Level::info, std::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(std::format_string<Args...> format, Args&&... args) {
    write(Level::warning, std::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(std::format_string<Args...> format, Args&&... args) {
    write(Level::error, std::format(format, std::forward<Args>(args)...));
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rouse::system
