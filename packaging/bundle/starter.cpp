// What bin/rouse and bin/llama-server of the bundle are: one static program that starts libexec/NAME with the loader
// and the libraries of the bundle, whatever the machine's own C library is. It needs /proc, and no shell.
//
// The kernel takes a program's loader from a fixed path, which is the machine's; so the bundle's loader is what is
// executed, through a link named like the program (lib/loader/NAME), which is the name that ps, top and pgrep show.
//
// Behind the bundle's libraries come those of LD_LIBRARY_PATH and then the machine's own: there is its GPU driver. The
// bundle's bin comes first in PATH, which is how the daemon finds its llama-server. OpenSSL was built for Debian and is
// told where this machine keeps the certificates it trusts.
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what, int error = 0) {
  const std::string text = "rouse: " + what + (error != 0 ? std::string(": ") + strerror(error) : "") + "\n";
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) _exit(126);
  _exit(127);
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string own_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) fail("/proc/self/exe tells where the bundle is, and cannot be read", errno);
  return {path.data(), static_cast<std::size_t>(length)};
}

// The name it was called by, so that links to it work; its own name for any other.
std::string program_of(const std::string& bundle, const std::string& own) {
  const auto* called = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  const std::string name = called != nullptr ? name_of(called) : std::string();
  return access((bundle + "/libexec/" + name).c_str(), X_OK) == 0 && !name.empty() ? name : name_of(own);
}

std::string before(const std::string& first, const char* rest) {
  return rest != nullptr && *rest != '\0' ? first + ":" + rest : first;
}

void find_certificates() {
  if (getenv("SSL_CERT_FILE") != nullptr || getenv("SSL_CERT_DIR") != nullptr) return;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Alpine, NixOS
                           "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, Red Hat
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, newer
                           "/etc/ssl/ca-bundle.pem",                             // openSUSE
                           "/etc/ssl/cert.pem"}) {
    if (access(file, R_OK) != 0) continue;
    setenv("SSL_CERT_FILE", file, 1);
    return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string own = own_path();
  const std::string bundle = folder_of(folder_of(own));
  // The loader would take them for something else.
  if (bundle.find_first_of(":;$") != std::string::npos) fail(bundle + ": the folder's path must not hold : ; or $");
  const std::string name = program_of(bundle, own);
  const std::string program = bundle + "/libexec/" + name;
  const std::string loader = bundle + "/lib/loader/" + name;
  const std::string libraries = before(bundle + "/lib", getenv("LD_LIBRARY_PATH"));

  const char* path = getenv("PATH");
  setenv("PATH", before(bundle + "/bin", path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin").c_str(), 1);
  find_certificates();

  std::vector<const char*> arguments{name.c_str(),     "--argv0",         argc > 0 ? argv[0] : name.c_str(),
                                     "--library-path", libraries.c_str(), program.c_str()};
  for (int i = 1; i < argc; ++i) arguments.push_back(argv[i]);
  arguments.push_back(nullptr);
  execv(loader.c_str(), const_cast<char* const*>(arguments.data()));
  fail(loader + " cannot be run; bin belongs beside lib and libexec of the same archive", errno);
}
