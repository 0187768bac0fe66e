// Remembers whether the stream of server-sent events that passes by stands at the end of an event.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "http/relay.hpp"

namespace rouse::api {

class EventBoundary final : public http::Tap {
 public:
  void on_bytes(std::string_view bytes) override {
    for (const char c : bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 2))) {
      before_ = last_;
      last_ = c;
    }
  }
  bool between_events() const { return last_ == '\0' || (last_ == '\n' && before_ == '\n'); }

 private:
  char before_ = '\0';
  char last_ = '\0';
};

}  // namespace rouse::api
