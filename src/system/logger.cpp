#include "system/logger.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <format>
#include <iterator>

namespace rouse::system {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  std::unreachable();
}

std::string escaped(std::string_view line) {
  std::string safe;
  safe.reserve(line.size());
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      std::format_to(std::back_inserter(safe), "\\x{:02x}", byte);
    else
      safe += c;
  }
  return safe;
}

}  // namespace

struct Logger::Impl {
  spdlog::logger log{"rouse", std::make_shared<spdlog::sinks::stderr_color_sink_st>()};
};

Logger::Logger(Level lowest) : impl_(std::make_unique<Impl>()) {
  impl_->log.set_level(to_spdlog(lowest));
  impl_->log.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
}
Logger::~Logger() = default;

void Logger::write(Level level, std::string_view line) { impl_->log.log(to_spdlog(level), escaped(line)); }

}  // namespace rouse::system
