#include "system/logger.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <utility>

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

}  // namespace

struct Logger::Impl {
  spdlog::logger log{"rouse", std::make_shared<spdlog::sinks::stderr_color_sink_st>()};
};

Logger::Logger(Level lowest, LogFormat format) : impl_(std::make_unique<Impl>()) {
  impl_->log.set_level(to_spdlog(lowest));
  use(format);
}

void Logger::use(LogFormat format) {
  format_ = format;
  impl_->log.set_pattern(format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                                   : "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
}
Logger::~Logger() = default;

bool Logger::writes(Level level) const { return impl_->log.should_log(to_spdlog(level)); }

void Logger::write(Level level, std::string_view message, std::span<const LogField> fields) {
  if (!writes(level)) return;
  impl_->log.log(to_spdlog(level), format_ == LogFormat::json ? json_members(message, fields) : text_line(message));
}

}  // namespace rouse::system
