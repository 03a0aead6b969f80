// The disk behind the platform: files and directories by blocking calls.  On a worker or at start-up,
// never on a core (but for links()); what a core does with a file goes through its ring (Ring::write_file,
// Ring::read_file). Any thread.  There are two: the real one, and the simulated one of
// tests/sim/disk.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::io {

// What direct reads and writes are multiples of: offset, size and the memory's address.
inline constexpr std::size_t kDiskBlockBytes = 4096;
// What a disk writes whole or not at all.  A write that is cut short or torn is so at a multiple of
// it.
inline constexpr std::size_t kDiskSectorBytes = 512;

constexpr std::uint64_t disk_blocks_up(std::uint64_t bytes) {
  return (bytes + kDiskBlockBytes - 1) / kDiskBlockBytes * kDiskBlockBytes;
}

struct DiskError {
  int error = 0;     // an errno
  std::string text;  // a sentence that names the file
};

// "PATH: DOING: what the errno means".
DiskError disk_error(const std::string& path, const char* doing, int error);

// There is no room: ENOSPC or EDQUOT.
[[nodiscard]] bool is_full(const DiskError& error);

template <typename T>
using DiskResult = std::expected<T, DiskError>;

struct DiskEntry {
  std::string name;
  std::uint64_t bytes = 0;
  bool regular = false;
  bool directory = false;
  std::uint32_t links = 0;
  bool own = false;  // its owner is the process's effective user
};

// Paths are taken as they are, and their last part is never followed when it is a symbolic link.
class Disk {
 public:
  virtual ~Disk() = default;

  // With its parents, each 0700, and on the disk when it returns.  One that is there already is
  // well, if it is a directory.
  virtual DiskResult<void> make_directory(const std::string& path) = 0;
  // Sorted by name, without "." and "..".
  virtual DiskResult<std::vector<DiskEntry>> list(const std::string& directory) = 0;
  virtual DiskResult<DiskEntry> look(const std::string& path) = 0;

  // A new file (0600, EEXIST when something is there) of `bytes` zero bytes, whole blocks, that
  // are really written and synced, so that a later direct overwrite changes no metadata.  Its name
  // is on the disk after sync_directory().  Opened for direct reads and writes; without O_DIRECT
  // where the file system refuses it. When it fails, nothing is left of it.
  virtual DiskResult<int> create(const std::string& path, std::uint64_t bytes) = 0;
  // A regular file, direct likewise; EINVAL for anything else, ELOOP for a symbolic link.  For writing by one
  // descriptor at a time: EWOULDBLOCK when another one stays open for seconds, or a write that its process has left
  // to the kernel is not over.
  virtual DiskResult<int> open(const std::string& path, bool writable) = 0;
  // How many names the open file has; 0: it was removed, and goes with its last descriptor.  Waits for nothing where
  // the file system is this machine's own: the one call here that a core makes itself.
  virtual DiskResult<std::uint32_t> links(int file) = 0;
  // Any offset and size; shorter only at the end of the file.
  virtual DiskResult<std::string> read(int file, std::uint64_t offset, std::size_t bytes) = 0;
  // Whole blocks (EINVAL otherwise), all of them or an error.  `durable`: on the disk when it
  // returns.
  virtual DiskResult<void> write(int file, std::uint64_t offset, std::string_view bytes, bool durable) = 0;
  // What was ever written to the file, by whomever, is on the disk when it returns.
  virtual DiskResult<void> sync(int file) = 0;

  // Replaces what is at `to`.  On the disk after sync_directory() of the directory of `to`.
  virtual DiskResult<void> rename(const std::string& from, const std::string& to) = 0;
  // A file's name; the file goes with its last descriptor.
  virtual DiskResult<void> remove(const std::string& path) = 0;
  virtual DiskResult<void> sync_directory(const std::string& path) = 0;
  // A whole file, 0600: it is the old one or the new one at any time, and the new one on the disk
  // when it returns.  By way of PATH.draft; one writer at a time.
  virtual DiskResult<void> write_small(const std::string& path, std::string_view text) = 0;

  // Creates the file if need be; EWOULDBLOCK while another descriptor, of any process, holds it.
  // Held until it is closed.
  virtual DiskResult<int> lock(const std::string& path) = 0;
  // For users without privileges.
  virtual DiskResult<std::uint64_t> free_bytes(const std::string& path) = 0;
  virtual void close(int file) = 0;
};

std::unique_ptr<Disk> make_real_disk();

}  // namespace sluice::io
