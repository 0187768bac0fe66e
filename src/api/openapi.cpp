#include "api/openapi.hpp"

#include <string>

// ROUSE_OPENAPI is the path of docs/openapi.json. The assembler reads it in, as it does the supervisor's image.
__asm__(
    ".pushsection .rodata\n"
    "rouse_openapi_begin: .incbin \"" ROUSE_OPENAPI
    "\"\n"
    "rouse_openapi_end:\n"
    ".globl rouse_openapi_begin, rouse_openapi_end\n"
    ".popsection\n");

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the assembler's names
extern const char rouse_openapi_begin[];
extern const char rouse_openapi_end[];
// NOLINTEND(readability-identifier-naming)
}

namespace rouse::api {

std::string_view openapi_document() { return {rouse_openapi_begin, rouse_openapi_end}; }

http::Task<void> openapi(const Parts&, Reply& reply, std::string_view) {
  co_await reply.send(200, "application/json", std::string(openapi_document()));
}

}  // namespace rouse::api
