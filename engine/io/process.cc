#include "engine/io/process.h"

#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <system_error>

#include "engine/base/check.h"
#include "engine/io/descriptor.h"
#include "engine/io/files.h"

// mimalloc's; a program that is built with a sanitizer has another allocator.
extern "C" __attribute__((weak)) void mi_collect(bool force);
extern "C" __attribute__((weak)) void mi_register_error(void (*on_error)(int error, void* context), void* context);

namespace sluice::io {
namespace {

constexpr Duration kLongestWait = std::chrono::hours(24);
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kModeBits = 07777;

std::unexpected<std::string> complaint(const std::string& what) {
  return std::unexpected(what + ": " + std::strerror(errno));
}

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

constexpr rlim_t kMebibyte = rlim_t{1} << 20;

// The limit in MiB; 0: there is none.
rlim_t address_space_mib() {
  struct rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return std::max<rlim_t>(limit.rlim_cur / kMebibyte, 1);
}

// There is no memory for anything but this.
void tell_lack_of(const char* what) {
  std::array<char, 256> text{};
  const rlim_t mib = address_space_mib();
  const int length =
      mib == 0 ? std::snprintf(text.data(), text.size(), "sluice: %s cannot be had: the system gives no more\n", what)
               : std::snprintf(text.data(), text.size(),
                               "sluice: %s cannot be had: the address space is limited to %llu MiB; raise the limit "
                               "or take it away (ulimit -v, LimitAS=)\n",
                               what, static_cast<unsigned long long>(mib));
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(length));
}

std::atomic<bool> ends_without_memory{false};
std::atomic<bool> lack_written{false};

void on_no_memory() {
  if (ends_without_memory || !lack_written.exchange(true)) tell_lack_of("memory");
  if (ends_without_memory) _exit(1);
}

// Of operator new: there is nothing to go on with.
[[noreturn]] void on_no_memory_for_new() {
  on_no_memory();
  std::abort();
}

// mimalloc has a new-handler of its own and ends in it.
void on_allocator_error(int error, void* /*context*/) {
  if (error == ENOMEM) on_no_memory();
}

// A thread that cannot be started is an exception, and so is a mapping that cannot be had.
[[noreturn]] void on_terminate() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::resource_unavailable_try_again) {
        tell_lack_of("a thread");
        if (ends_without_memory) _exit(1);
      }
      std::fprintf(stderr, "sluice: %s\n", error.what());
    } catch (const std::bad_alloc&) {
      on_no_memory();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "sluice: %s\n", error.what());
    } catch (...) {
      std::fprintf(stderr, "sluice: an exception of an unknown kind\n");
    }
  }
  std::abort();
}

std::expected<gid_t, std::string> find_group(const std::string& group) {
  const struct group* named = getgrnam(group.c_str());
  if (named == nullptr)
    return std::unexpected("group " + group + " does not exist: make it (addgroup --system " + group +
                           "), or name another in server.group");
  return named->gr_gid;
}

// For good, with that group and no other.
std::expected<void, std::string> become(uid_t user, gid_t group) {
  if (::setgroups(0, nullptr) != 0) return complaint("setgroups");
  if (::setresgid(group, group, group) != 0) return complaint("setresgid");
  if (::setresuid(user, user, user) != 0) return complaint("setresuid");
  CHECK(::setuid(0) != 0);
  // As for a set-uid program, fs.suid_dumpable holds now.
  keep_memory_private();
  return {};
}

// Whether no directory above `path` is closed to a user.  Only root may ask.
bool can_reach(const std::string& path, uid_t user, gid_t group) {
  CHECK(::setegid(group) == 0 && ::seteuid(user) == 0);
  struct stat status{};
  const bool reached = ::lstat(path.c_str(), &status) == 0 || errno == ENOENT;
  CHECK(::seteuid(0) == 0 && ::setegid(::getgid()) == 0);
  return reached;
}

}  // namespace

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::uint64_t open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
    ++count;
  return count;
}

void keep_memory_private() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

bool running_as_root() { return geteuid() == 0; }

std::uint32_t starting_user() { return getuid(); }

std::string user_name(std::uint32_t uid) {
  std::array<char, 16384> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_name;
}

std::expected<Owner, std::string> find_owner(const std::string& user, const std::string& group) {
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr)
    return std::unexpected("user " + user + " does not exist: make it (adduser --system --group " + user +
                           "), or name another in server.user");
  Owner owner{.uid = entry->pw_uid, .gid = entry->pw_gid};
  if (group.empty()) return owner;
  const auto gid = find_group(group);
  if (!gid) return std::unexpected(gid.error());
  owner.gid = *gid;
  return owner;
}

ActAs::ActAs(const std::string& user, const Owner& owner) {
  if (!running_as_root() || owner.uid == 0) return;
  static_assert(sizeof(gid_t) == sizeof(std::uint32_t));
  groups_.resize(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  CHECK(getgroups(static_cast<int>(groups_.size()), groups_.data()) >= 0);
  CHECK(initgroups(user.c_str(), owner.gid) == 0 && setegid(owner.gid) == 0 && seteuid(owner.uid) == 0);
  changed_ = true;
}

ActAs::~ActAs() {
  if (!changed_) return;
  CHECK(seteuid(0) == 0 && setegid(getgid()) == 0 && setgroups(groups_.size(), groups_.data()) == 0);
}

PathAccess look_at_path(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0)
    return {.state = errno == ENOENT || errno == ENOTDIR ? PathState::missing : PathState::unknown};
  PathAccess access{.state = S_ISDIR(info.st_mode)   ? PathState::directory
                             : S_ISREG(info.st_mode) ? PathState::file
                                                     : PathState::other};
  const int enter = access.state == PathState::directory ? X_OK : 0;
  access.readable = faccessat(AT_FDCWD, path.c_str(), R_OK | enter, AT_EACCESS) == 0;
  access.writable = faccessat(AT_FDCWD, path.c_str(), W_OK | enter, AT_EACCESS) == 0;
  return access;
}

std::expected<void, std::string> drop_privileges(const std::string& user, const std::string& group) {
  const auto owner = find_owner(user, group);
  if (!owner) return std::unexpected(owner.error());
  if (owner->uid == 0) return {};  // the operator said so
  if (initgroups(user.c_str(), owner->gid) != 0) return complaint("initgroups");
  if (setresgid(owner->gid, owner->gid, owner->gid) != 0) return complaint("setresgid");
  if (setresuid(owner->uid, owner->uid, owner->uid) != 0) return complaint("setresuid");
  // For good: this must fail now.
  CHECK(setuid(0) != 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return {};
}

std::expected<std::string, std::string> become_owner_of(const std::string& directory) {
  if (!running_as_root()) return directory;
  const Descriptor fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return complaint(directory + ": cannot open it");
  if (status.st_uid == 0) return directory;
  if (::fchdir(fd.get()) != 0) return complaint(directory + ": cannot enter it");
  if (auto became = become(status.st_uid, status.st_gid); !became) return std::unexpected(became.error());
  return ".";
}

std::expected<void, std::string> become_owner_of_file(const std::string& path) {
  if (!running_as_root()) return {};
  const std::string directory = std::filesystem::path(path).parent_path();
  struct stat status{};
  // Where there is neither, the open() that follows says so.
  if (::lstat(path.c_str(), &status) != 0 &&
      (errno != ENOENT || ::stat(directory.empty() ? "." : directory.c_str(), &status) != 0))
    return {};
  if (status.st_uid == 0 || !can_reach(path, status.st_uid, status.st_gid)) return {};
  return become(status.st_uid, status.st_gid);
}

std::expected<void, std::string> give_file_to(const std::string& path, const std::string& user,
                                              const std::string& group) {
  constexpr auto kUnchanged = static_cast<uid_t>(-1);
  Owner owner{.uid = kUnchanged, .gid = kUnchanged};
  if (running_as_root()) {
    const auto found = find_owner(user, group);
    if (!found) return std::unexpected(found.error());
    owner = *found;
  } else if (!group.empty()) {
    const auto gid = find_group(group);
    if (!gid) return std::unexpected(gid.error());
    owner.gid = *gid;
  }
  const std::string failed = path + ": cannot give it to " + (owner.uid == kUnchanged ? group : user);
  // Its directory may belong to another user, who could have put something else in its place.
  const Descriptor fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found{};
  if (fd.get() < 0 || ::fstat(fd.get(), &found) != 0) return complaint(failed);
  const bool ours = found.st_uid == ::geteuid() || found.st_uid == owner.uid;
  if (!ours || S_ISLNK(found.st_mode) || (!S_ISDIR(found.st_mode) && found.st_nlink != 1))
    return std::unexpected(failed + ": it is not the file that was made there");
  if (::fchownat(fd.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0) return complaint(failed);
  return {};
}

std::expected<void, std::string> give_directory_to_group(const std::string& directory, const std::string& user,
                                                         const std::string& group) {
  uid_t owner = ::geteuid();
  if (running_as_root()) {
    const auto found = find_owner(user, group);
    if (!found) return std::unexpected(found.error());
    owner = found->uid;
  }
  const auto gid = find_group(group);
  if (!gid) return std::unexpected(gid.error());
  struct stat info{};
  const bool made_by_us = ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == owner &&
                          (info.st_mode & kModeBits) == kDirectoryMode;
  if (!made_by_us || info.st_gid == *gid) return {};
  return give_file_to(directory, user, group);
}

std::expected<void, std::string> make_directory_for(const std::string& directory, const std::string& user,
                                                    const std::string& group) {
  struct stat info{};
  if (stat(directory.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return std::unexpected(directory + ": is not a directory");
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), error);
  if (mkdir(directory.c_str(), kDirectoryMode) != 0) return complaint(directory + ": cannot make it");
  return give_file_to(directory, user, group);
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

namespace {

// As <linux/sched/types.h>, which does not go together with <sched.h> everywhere.
struct SchedulingAttributes {
  std::uint32_t size = 0;
  std::uint32_t policy = 0;  // SCHED_OTHER
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

void have_short_slices() {
  constexpr std::uint64_t kSliceNs = 100'000;  // the kernel's shortest
  SchedulingAttributes attributes;
  attributes.size = sizeof attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != SCHED_OTHER)
    return;  // of another policy the operator has decided
  attributes.runtime = kSliceNs;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

void pin_thread(int cpu, const char* name) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  pthread_setname_np(pthread_self(), name);
  have_short_slices();
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "localhost";
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* list = nullptr;
  if (getaddrinfo(name.data(), nullptr, &hints, &list) != 0) return name.data();
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  return list->ai_canonname != nullptr ? list->ai_canonname : name.data();
}

std::string boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  return text ? text->substr(0, text->find('\n')) : "";
}

void end_without_memory() {
  ends_without_memory = true;
  std::set_new_handler(&on_no_memory_for_new);
  std::set_terminate(&on_terminate);
  if (mi_register_error != nullptr) mi_register_error(&on_allocator_error, nullptr);
}

void go_on_without_memory() { ends_without_memory = false; }

std::string address_space_note() {
  const rlim_t mib = address_space_mib();
  if (mib == 0) return {};
  return "the address space is limited to " + std::to_string(mib) +
         " MiB; if that is the reason, raise the limit or take it away (ulimit -v, LimitAS=)";
}

void take_signals() {
  const sigset_t set = our_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

Signal wait_signal(int notices, Duration timeout) {
  const sigset_t set = our_signals();
  static const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(signals >= 0);
  std::array<pollfd, 2> files{
      {{.fd = signals, .events = POLLIN, .revents = 0}, {.fd = notices, .events = POLLIN, .revents = 0}}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::clamp<Duration>(timeout, {}, kLongestWait)).count();
  if (poll(files.data(), files.size(), static_cast<int>(ms)) <= 0) return Signal::none;
  signalfd_siginfo got{};
  if (read(signals, &got, sizeof got) == sizeof got)
    return got.ssi_signo == SIGHUP ? Signal::reload : got.ssi_signo == SIGUSR1 ? Signal::reopen_log : Signal::stop;
  return files[1].revents != 0 ? Signal::notice : Signal::none;
}

void raise_stop() { kill(getpid(), SIGTERM); }

std::size_t allocated_bytes(void* memory) { return ::malloc_usable_size(memory); }

void give_memory_back() {
  if (mi_collect != nullptr) mi_collect(/*force=*/true);
}

}  // namespace sluice::io
