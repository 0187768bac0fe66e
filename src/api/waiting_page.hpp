// What a browser shows while an application wakes: a page that tells how far it is, and turns into the application; and
// the page that it shows instead of an error. Pure.
//
// The page asks its own address again, with the field X-Rouse-Progress, which is answered here and never by the
// application.
#pragma once

#include <string>
#include <string_view>

#include "api/dialect.hpp"
#include "daemon/status.hpp"
#include "http/head.hpp"

namespace rouse::api {

// Errors as pages, for people.
extern const Dialect kPages;

// Whether a person is to look at the answer.
bool wants_page(const http::RequestHead& head);

std::string waiting_page(std::string_view model, std::string_view progress);

// The field with which the page asks how far it is, and what it is told:
// {"state": "loading", "progress": "loading 43 % eta 1.2 s", "done": 0.43, "waiting": 1}
inline constexpr std::string_view kProgressField = "X-Rouse-Progress";
std::string progress_json(const daemon::ModelStatus& model, std::string_view progress);

// Header lines of the waiting page, each ended by CRLF. It is no error (503 says that the application is not there yet)
// but is not to be kept, and fetches nothing from elsewhere.
inline constexpr std::string_view kWaitingLines =
    "Cache-Control: no-store\r\n"
    "Retry-After: 1\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'\r\n";

}  // namespace rouse::api
