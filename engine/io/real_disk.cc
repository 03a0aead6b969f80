// The real disk: blocking system calls.  Keeps no state, so any thread may call it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "engine/io/aligned.h"
#include "engine/io/descriptor.h"
#include "engine/io/disk.h"

namespace sluice::io {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;  // one system call's share
constexpr int kLockTries = 100;
constexpr unsigned kLockAgainMicroseconds = 50'000;
constexpr std::uint64_t kFileBytesMax = std::numeric_limits<off_t>::max();

std::unexpected<DiskError> failed(const std::string& path, const char* doing, int error = errno) {
  return std::unexpected(disk_error(path, doing, error));
}

// Where a call has only a descriptor; for errors.
std::string name_of(int file) {
  std::array<char, 4096> target;
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return "descriptor " + std::to_string(file);
  return {target.data(), static_cast<std::size_t>(size)};
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

template <typename Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// O_NONBLOCK: a FIFO in the file's place must not block us.
int open_quickly(const std::string& path, int flags) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600); });
}

// Direct where the file system can.  Without O_NONBLOCK, which the ring would take as a wish to
// fail rather than wait.
bool make_direct(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return false;
  return ::fcntl(fd, F_SETFL, (flags & ~O_NONBLOCK) | O_DIRECT) == 0 ||
         (errno == EINVAL && ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0);
}

// A file that is written belongs to one descriptor at a time.  Direct writes that a killed process has left to the
// kernel keep its lock until they have ended (flock goes with the open file, which they hold): so none of them can fall
// on what is written by the next process.  An errno or 0.
int lock_for_writing(int fd) {
  for (int tries = 0;; ++tries) {
    if (uninterrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return 0;
    if (errno != EWOULDBLOCK || tries == kLockTries) return errno;
    ::usleep(kLockAgainMicroseconds);
  }
}

int sync_all(int fd) {
  return uninterrupted([&] { return ::fsync(fd); });
}

// All of `bytes`, which are aligned where the file needs it; an errno or 0.
int write_all(int fd, std::uint64_t offset, std::string_view bytes, int flags) {
  while (!bytes.empty()) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    const ssize_t n = uninterrupted([&] { return ::pwritev2(fd, &piece, 1, static_cast<off_t>(offset), flags); });
    if (n < 0) return errno;
    if (n == 0) return EIO;
    // A direct write goes on at a block, even where the disk stopped within one.
    const bool all = static_cast<std::size_t>(n) == bytes.size();
    const std::size_t done = all ? bytes.size() : static_cast<std::size_t>(n) / kDiskBlockBytes * kDiskBlockBytes;
    if (done == 0) return EIO;
    bytes.remove_prefix(done);
    offset += done;
  }
  return 0;
}

int write_zeros(int fd, std::uint64_t size) {
  // In one piece where the file system can; and what does not fit is known before anything is
  // written.
  const int reserved = size == 0 ? 0 : uninterrupted([&] { return ::fallocate(fd, 0, 0, static_cast<off_t>(size)); });
  if (reserved != 0 && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  const AlignedBytes zeros(static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunkBytes)));
  for (std::uint64_t at = 0; at < size; at += zeros.size()) {
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, zeros.size()));
    if (const int error = write_all(fd, at, zeros.view().substr(0, part), 0); error != 0) return error;
  }
  return sync_all(fd) == 0 ? 0 : errno;
}

DiskEntry entry_of(std::string name, const struct stat& status) {
  return {.name = std::move(name),
          .bytes = static_cast<std::uint64_t>(status.st_size),
          .regular = S_ISREG(status.st_mode),
          .directory = S_ISDIR(status.st_mode),
          .links = static_cast<std::uint32_t>(status.st_nlink),
          .own = status.st_uid == ::geteuid()};
}

class RealDisk final : public Disk {
 public:
  DiskResult<void> make_directory(const std::string& path) override;
  DiskResult<std::vector<DiskEntry>> list(const std::string& directory) override;
  DiskResult<DiskEntry> look(const std::string& path) override;
  DiskResult<int> create(const std::string& path, std::uint64_t bytes) override;
  DiskResult<int> open(const std::string& path, bool writable) override;
  DiskResult<std::uint32_t> links(int file) override;
  DiskResult<std::string> read(int file, std::uint64_t offset, std::size_t bytes) override;
  DiskResult<void> write(int file, std::uint64_t offset, std::string_view bytes, bool durable) override;
  DiskResult<void> sync(int file) override;
  DiskResult<void> rename(const std::string& from, const std::string& to) override;
  DiskResult<void> remove(const std::string& path) override;
  DiskResult<void> sync_directory(const std::string& path) override;
  DiskResult<void> write_small(const std::string& path, std::string_view text) override;
  DiskResult<int> lock(const std::string& path) override;
  DiskResult<std::uint64_t> free_bytes(const std::string& path) override;
  void close(int file) override { ::close(file); }
};

// ------------------------------------------------------------------------------------------ directories

DiskResult<void> RealDisk::make_directory(const std::string& path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string part = path.substr(0, end);
    if (part.ends_with('/')) continue;
    if (::mkdir(part.c_str(), 0700) == 0) {
      if (auto synced = sync_directory(directory_of(part)); !synced) return synced;
    } else if (errno != EEXIST) {
      return failed(part, "cannot make the directory");
    }
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return failed(path, "cannot look at it");
  if (!S_ISDIR(status.st_mode)) return failed(path, "cannot make the directory", ENOTDIR);
  return {};
}

DiskResult<std::vector<DiskEntry>> RealDisk::list(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
  if (open == nullptr) return failed(directory, "cannot list it");
  std::vector<DiskEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(open.get());
    if (found == nullptr) break;
    const std::string name = found->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    if (::fstatat(::dirfd(open.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      entries.push_back(entry_of(name, status));
    } else if (errno != ENOENT) {  // gone meanwhile
      return failed(std::string(directory).append("/").append(name), "cannot look at it");
    }
  }
  if (errno != 0) return failed(directory, "cannot list it");
  std::ranges::sort(entries, {}, &DiskEntry::name);
  return entries;
}

DiskResult<DiskEntry> RealDisk::look(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return failed(path, "cannot look at it");
  return entry_of(path.substr(path.rfind('/') + 1), status);
}

DiskResult<std::uint32_t> RealDisk::links(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return failed("an open file", "cannot look at it");
  return static_cast<std::uint32_t>(status.st_nlink);
}

DiskResult<void> RealDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed(from, ("cannot rename it to " + to).c_str());
  return {};
}

DiskResult<void> RealDisk::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed(path, "cannot remove it");
  return {};
}

DiskResult<void> RealDisk::sync_directory(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || sync_all(fd.get()) != 0) return failed(path, "cannot sync the directory");
  return {};
}

DiskResult<std::uint64_t> RealDisk::free_bytes(const std::string& path) {
  struct statvfs status{};
  if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0)
    return failed(path, "cannot ask for free space");
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

// ------------------------------------------------------------------------------------------ files

DiskResult<int> RealDisk::create(const std::string& path, std::uint64_t bytes) {
  constexpr const char* kDoing = "cannot create it";
  if (bytes % kDiskBlockBytes != 0 || bytes > kFileBytesMax) return failed(path, kDoing, EINVAL);
  Descriptor fd(open_quickly(path, O_RDWR | O_CREAT | O_EXCL));
  if (fd.get() < 0) return failed(path, kDoing);
  int error = make_direct(fd.get()) ? lock_for_writing(fd.get()) : errno;
  if (error == 0) error = write_zeros(fd.get(), bytes);
  if (error == 0) return fd.release();
  ::unlink(path.c_str());
  return failed(path, kDoing, error);
}

DiskResult<int> RealDisk::open(const std::string& path, bool writable) {
  constexpr const char* kDoing = "cannot open it";
  Descriptor fd(open_quickly(path, writable ? O_RDWR : O_RDONLY));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return failed(path, kDoing);
  if (!S_ISREG(status.st_mode)) return failed(path, kDoing, EINVAL);
  if (!make_direct(fd.get())) return failed(path, kDoing);
  if (const int error = writable ? lock_for_writing(fd.get()) : 0; error != 0) return failed(path, kDoing, error);
  return fd.release();
}

DiskResult<std::string> RealDisk::read(int file, std::uint64_t offset, std::size_t bytes) {
  constexpr const char* kDoing = "cannot read";
  struct stat status{};
  if (::fstat(file, &status) != 0) return failed(name_of(file), kDoing);
  const std::uint64_t size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t end = offset < size ? offset + std::min<std::uint64_t>(bytes, size - offset) : offset;
  std::string text;
  AlignedBytes chunk(
      static_cast<std::size_t>(std::min<std::uint64_t>(disk_blocks_up(end - offset) + kDiskBlockBytes, kChunkBytes)));
  while (offset < end) {
    const std::size_t skip = offset % kDiskBlockBytes;
    const ssize_t n =
        uninterrupted([&] { return ::pread(file, chunk.data(), chunk.size(), static_cast<off_t>(offset - skip)); });
    if (n < 0) return failed(name_of(file), kDoing);
    if (static_cast<std::size_t>(n) <= skip) break;  // it has become shorter
    text.append(chunk.view().substr(0, static_cast<std::size_t>(n)).substr(skip, end - offset));
    offset += std::min<std::uint64_t>(static_cast<std::size_t>(n) - skip, end - offset);
  }
  return text;
}

DiskResult<void> RealDisk::write(int file, std::uint64_t offset, std::string_view bytes, bool durable) {
  constexpr const char* kDoing = "cannot write";
  if (offset % kDiskBlockBytes != 0 || bytes.size() % kDiskBlockBytes != 0 || offset > kFileBytesMax ||
      bytes.size() > kFileBytesMax - offset)
    return failed(name_of(file), kDoing, EINVAL);
  AlignedBytes chunk(std::min(bytes.size(), kChunkBytes));
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, chunk.size());
    std::memcpy(chunk.data(), part.data(), part.size());
    const int error = write_all(file, offset, chunk.view().substr(0, part.size()), durable ? RWF_DSYNC : 0);
    if (error != 0) return failed(name_of(file), kDoing, error);
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
  return {};
}

DiskResult<void> RealDisk::sync(int file) {
  if (uninterrupted([&] { return ::fdatasync(file); }) != 0) return failed(name_of(file), "cannot sync");
  return {};
}

DiskResult<void> RealDisk::write_small(const std::string& path, std::string_view text) {
  constexpr const char* kDoing = "cannot write it";
  const std::string draft = path + ".draft";
  if (::unlink(draft.c_str()) != 0 && errno != ENOENT) return failed(draft, "cannot remove it");
  {
    const Descriptor fd(open_quickly(draft, O_WRONLY | O_CREAT | O_EXCL));
    if (fd.get() < 0) return failed(draft, "cannot create it");
    int error = 0;
    for (std::string_view rest = text; !rest.empty() && error == 0;) {
      const ssize_t n = uninterrupted([&] { return ::write(fd.get(), rest.data(), rest.size()); });
      error = n < 0 ? errno : 0;
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (error == 0 && sync_all(fd.get()) != 0) error = errno;
    if (error != 0) {
      ::unlink(draft.c_str());
      return failed(draft, kDoing, error);
    }
  }
  if (auto renamed = rename(draft, path); !renamed) {
    ::unlink(draft.c_str());
    return renamed;
  }
  return sync_directory(directory_of(path));
}

DiskResult<int> RealDisk::lock(const std::string& path) {
  constexpr const char* kDoing = "cannot lock it";
  Descriptor fd(open_quickly(path, O_RDWR | O_CREAT));
  if (fd.get() < 0) return failed(path, kDoing);
  if (uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) return failed(path, kDoing);
  return fd.release();
}

}  // namespace

bool is_full(const DiskError& error) { return error.error == ENOSPC || error.error == EDQUOT; }

DiskError disk_error(const std::string& path, const char* doing, int error) {
  return {.error = error, .text = path + ": " + doing + ": " + std::strerror(error)};
}

std::unique_ptr<Disk> make_real_disk() { return std::make_unique<RealDisk>(); }

}  // namespace sluice::io
