// Launcher: how a supervisor, and through it a worker, is started.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <cstring>
#include <format>

#include "system/descriptors.hpp"
#include "system/environment.hpp"
#include "system/process_state.hpp"
#include "system/supervisor/image.hpp"

namespace rouse::system {
namespace {

namespace bp = boost::process::v2;

std::unexpected<Error> system_error(std::string_view what, int error) {
  return fail(Code::internal, std::format("The system refused {}: {}.", what, std::strerror(error)));
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

std::string self_path(int file) { return std::format("/proc/self/fd/{}", file); }

// The supervisor's program as a file that can be executed: in memory, or where the system forbids that
// (vm.memfd_noexec), as a file without a name.
Result<Fd> supervisor_program() {
  Fd file(static_cast<int>(::syscall(SYS_memfd_create, "rouse-supervisor", MFD_CLOEXEC | 0x0010U /* MFD_EXEC */)));
  if (!file.open() && errno == EINVAL) {  // before Linux 6.3 there was no such flag, and no need of it
    file.reset(static_cast<int>(::syscall(SYS_memfd_create, "rouse-supervisor", MFD_CLOEXEC)));
  }
  const bool in_memory = file.open();
  if (!in_memory) {
    const char* folder = std::getenv("TMPDIR");
    file.reset(::open(folder != nullptr ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0700));
  }
  if (!file.open() || !write_all(file.get(), supervisor_image())) {
    return system_error("room for the program that watches over workers", errno);
  }
  if (in_memory) return file;
  Fd readable(::open(self_path(file.get()).c_str(), O_RDONLY | O_CLOEXEC));  // what is open for writing is not executed
  if (!readable.open()) return system_error("to open the program that watches over workers", errno);
  return readable;
}

// What Boost.Process does for us between fork and exec: only system calls, since the memory is still the parent's.
struct WorkerChannels {
  int null;
  int output;
  int socket;
  int program;
  const char* const* environment;
  const rlimit* descriptors;

  template <class Launcher>
  bp::error_code on_setup(Launcher& launcher, const bp::filesystem::path&, const char* const*&) {
    launcher.env = environment;
    launcher.fd_whitelist.insert(launcher.fd_whitelist.end(), {socket, program});
    return {};
  }

  template <class Launcher>
  bp::error_code on_exec_setup(Launcher&, const bp::filesystem::path&, const char* const*&) {
    const bool done = ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
                      ::dup2(output, STDERR_FILENO) >= 0 && ::fcntl(socket, F_SETFD, 0) == 0 &&
                      ::setrlimit(RLIMIT_NOFILE, descriptors) == 0;
    return done ? bp::error_code{} : bp::error_code(errno, boost::system::system_category());
  }
};

std::vector<const char*> pointers(const std::vector<std::string>& strings) {
  std::vector<const char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) result.push_back(text.c_str());
  result.push_back(nullptr);
  return result;
}

// No handler of ours runs in the child while it still shares our memory.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

Result<void> check(const ProcessSpec& spec) {
  if (spec.argv.empty()) return fail(Code::load_failed, "there is no command to start");
  const auto has_null = [](const std::string& text) { return text.contains('\0'); };
  if (std::ranges::any_of(spec.argv, has_null) || std::ranges::any_of(spec.environment, has_null)) {
    return fail(Code::load_failed, "the command or its environment holds a NUL character");
  }
  struct stat about{};
  if (::stat(spec.directory.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) {
    return fail(Code::load_failed, "the engine's working directory does not exist", spec.directory);
  }
  return {};
}

}  // namespace

Result<std::string> find_program(std::string_view name, std::string_view path) {
  const auto runs = [](const std::string& file) {
    struct stat about{};
    return ::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (name.contains('/')) {
    const std::string file(name);
    if (runs(file)) return file;
    const int error = ::access(file.c_str(), F_OK) != 0 ? errno : EACCES;
    return fail(Code::load_failed, std::format("the engine's program cannot be run: {}", std::strerror(error)), file);
  }
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t to = std::min(path.find(':', from), path.size());
    std::string file = std::format("{}/{}", path.substr(from, to - from), name);
    if (to > from && runs(file)) return file;
    from = to + 1;
  }
  return fail(Code::load_failed,
              std::format("the engine's program \"{}\" is not installed: no such file in PATH", name),
              std::format("PATH={}", path));
}

bool Launcher::Shared::knows_supervisor(int pid) const {
  return std::ranges::any_of(processes, [&](const Process::State* state) { return state->supervisor() == pid; });
}

std::vector<int> Launcher::Shared::strays() const {
  std::vector<int> found = children(::getpid());
  // Supervisors and workers lead groups of their own, and so nothing of their trees is in ours.
  std::erase_if(found, [&](int pid) { return knows_supervisor(pid) || ::getpgid(pid) == ::getpgrp(); });
  return found;
}

Launcher::Launcher(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Launcher::~Launcher() {
  const auto left = shared_->processes;
  for (Process::State* state : left) state->abandon();
  for (Process::State* state : left) state->end_and_wait();
}

Result<std::unique_ptr<Launcher>> Launcher::create(boost::asio::io_context& io) {
  // Started with a closed standard descriptor? Ours must not take its place: a worker's would replace them.
  for (int file = 0; file <= STDERR_FILENO;) {
    if ((file = ::open("/dev/null", O_RDWR | O_CLOEXEC)) < 0) return system_error("/dev/null", errno);
    if (file > STDERR_FILENO) ::close(file);
  }
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_error("to adopt orphans", errno);
  auto program = supervisor_program();
  if (!program) return std::unexpected(program.error());
  // Every client takes a descriptor. Workers get the limit that was: some programs use select(), or close all there
  // are.
  auto shared = std::make_shared<Shared>(io, std::move(*program), raise_descriptor_limit());
  return std::unique_ptr<Launcher>(new Launcher(std::move(shared)));
}

void Launcher::observe_oom_kills() { shared_->kills.grow_old(oom_kills()); }
void Launcher::explain_oom_kill() {
  if (shared_->kills.unexplained(oom_kills()) > 0) shared_->kills.explain_one();
}

Result<std::unique_ptr<Process>> Launcher::spawn(const ProcessSpec& spec, ProcessCallbacks callbacks) try {
  if (auto checked = check(spec); !checked) return std::unexpected(checked.error());
  auto program = find_program(spec.argv[0], value_of(spec.environment, "PATH"));
  if (shared_->processes.empty()) shared_->kills.forget(oom_kills());
  if (!program) return std::unexpected(program.error());

  int sockets[2];
  int pipe[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return system_error("a socket", errno);
  Fd ours(sockets[0]);
  Fd theirs(sockets[1]);
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("a pipe", errno);
  Fd reading(pipe[0]);
  Fd writing(pipe[1]);
  Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.open()) return system_error("/dev/null", errno);

  std::vector<std::string> argv{"rouse-supervisor", std::to_string(theirs.get()), std::to_string(spec.oom_score_raise),
                                spec.directory, *program};
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  std::vector<const char*> arguments = pointers(argv);
  const std::vector<const char*> environment = pointers(spec.environment);

  boost::system::error_code error;
  const auto executor = shared_->io.get_executor();
  const bp::filesystem::path path = self_path(shared_->supervisor.get());
  const int pid = [&] {
    const SignalsBlocked blocked;
    bp::posix::vfork_launcher launch;
    auto process = launch(executor, error, path, arguments.data(),
                          WorkerChannels{null.get(), writing.get(), theirs.get(), shared_->supervisor.get(),
                                         environment.data(), &shared_->descriptors});
    const int id = error ? 0 : process.id();
    process.detach();  // awaited and reaped by Process::State
    return id;
  }();
  if (error) return system_error("to start the program that watches over workers", error.value());
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.open()) return system_error("a descriptor of the process", errno);

  auto state = std::make_shared<Process::State>(
      shared_, std::move(callbacks), Process::State::Channels{std::move(ours), std::move(reading), std::move(pidfd)},
      pid);
  state->begin();
  return std::make_unique<Process>(std::move(state));
} catch (const std::exception& problem) {
  return fail(Code::internal, "A worker could not be started.", problem.what());
}

}  // namespace rouse::system
