#include "system/supervisor/image.hpp"

// ROUSE_SUPERVISOR is the path of the built program. The assembler reads it in: an array in C++ would take the compiler
// seconds.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "rouse_supervisor_begin: .incbin \"" ROUSE_SUPERVISOR
    "\"\n"
    "rouse_supervisor_end:\n"
    ".globl rouse_supervisor_begin, rouse_supervisor_end\n"
    ".popsection\n");

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the assembler's names
extern const std::byte rouse_supervisor_begin[];
extern const std::byte rouse_supervisor_end[];
// NOLINTEND(readability-identifier-naming)
}

namespace rouse::system {

std::span<const std::byte> supervisor_image() { return {rouse_supervisor_begin, rouse_supervisor_end}; }

}  // namespace rouse::system
