// The daemon's own log: one line a fact, to stderr, for people or as JSON for programs. Owner thread.
#pragma once

#include <cstdint>
#include <format>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "system/log_line.hpp"

namespace rouse::system {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json };

class Logger {
 public:
  explicit Logger(Level lowest = Level::info, LogFormat format = LogFormat::text);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // Whatever stands in the message and the fields, it is one line (see log_line.hpp). The fields are for JSON alone:
  // the message says it all.
  void write(Level level, std::string_view message, std::span<const LogField> fields = {});
  bool writes(Level level) const;
  void use(LogFormat format);

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
  LogFormat format_ = LogFormat::text;
};

}  // namespace rouse::system
