#include "http/openssl.hpp"

#include <dlfcn.h>

#include <format>

namespace rouse::http {

Result<std::shared_ptr<const OpenSsl>> OpenSsl::open() {
  const auto missing = [] {
    const char* const why = ::dlerror();
    return fail(Code::untrusted, "https needs OpenSSL 3 (libssl.so.3), which is not on this machine", why ? why : "");
  };
  void* const library = ::dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);  // brings libcrypto
  if (library == nullptr) return missing();
  auto opened = std::make_shared<OpenSsl>();
#define ROUSE_FIND(name)                                                       \
  opened->name = reinterpret_cast<decltype(&::name)>(::dlsym(library, #name)); \
  if (opened->name == nullptr) return missing();
  ROUSE_OPENSSL_FUNCTIONS(ROUSE_FIND)
#undef ROUSE_FIND
  return opened;
}

}  // namespace rouse::http
