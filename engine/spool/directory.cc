#include "engine/spool/directory.h"

#include <cerrno>
#include <string_view>

#include "engine/spool/segments.h"

namespace sluice::spool {
namespace {

constexpr std::string_view kFormat = "sluice-spool 1\n";
constexpr const char* kFormatFile = "/format";
constexpr const char* kLockFile = "/lock";
constexpr const char* kHostFile = "/in-use-by";
constexpr std::string_view kBoot = "boot ";
constexpr std::size_t kSmallFileBytesMax = 4096;
constexpr const char* kIsNoDirectory =
    ": is a link or no directory, or lies in one that is none; name the directory itself";

std::unexpected<io::DiskError> refuse(std::string text) {
  return std::unexpected(io::DiskError{.error = 0, .text = std::move(text)});
}

// A small file's text; empty where there is none.
io::DiskResult<std::string> read_small(io::Disk& disk, const std::string& path) {
  const auto entry = disk.look(path);
  if (!entry) {
    if (entry.error().error == ENOENT) return std::string();
    return std::unexpected(entry.error());
  }
  if (!entry->regular || entry->links != 1) return refuse(path + kIsALink);
  if (!entry->own) return refuse(path + kIsForeign);
  const auto file = disk.open(path, /*writable=*/false);
  if (!file) return std::unexpected(file.error());
  auto text = disk.read(*file, 0, kSmallFileBytesMax);
  disk.close(*file);
  return text;
}

// The user of a spool: two lines, in a file that stays for good and has a block of its own, so that it can be written
// on a disk that is full.
struct User {
  std::string host;
  std::string boot;  // of the machine, as its kernel numbers it; empty: not known
};

std::string block_of(const User& user) {
  std::string block = user.host + "\n" + std::string(kBoot) + user.boot + "\n";
  block.resize(io::kDiskBlockBytes);
  return block;
}

User user_of(std::string_view text) {
  const std::size_t end = text.find('\n');
  User user{.host = std::string(text.substr(0, end)), .boot = {}};
  if (end == std::string_view::npos) return user;
  text.remove_prefix(end + 1);
  if (text.starts_with(kBoot)) user.boot = text.substr(kBoot.size(), text.find('\n') - kBoot.size());
  return user;
}

// In its place where there is a file.
io::DiskResult<void> write_user(io::Disk& disk, const std::string& path, const User& user) {
  const std::string block = block_of(user);
  if (!disk.look(path)) return disk.write_small(path, block);
  const auto file = disk.open(path, /*writable=*/true);
  if (!file) return std::unexpected(file.error());
  auto written = disk.write(*file, 0, block, /*durable=*/true);
  disk.close(*file);
  return written;
}

io::DiskResult<void> check_format(io::Disk& disk, const std::string& path, std::string& text) {
  auto format = read_small(disk, path + kFormatFile);
  if (!format) return std::unexpected(format.error());
  text = *std::move(format);
  if (text.empty() || text == kFormat) return {};
  return refuse(path + ": is a spool of another version ('" + text.substr(0, text.find('\n')) +
                "'); let the relay that wrote it deliver what is in it, or name another directory");
}

io::DiskResult<void> check_user(io::Disk& disk, const std::string& path, const std::string& host,
                                const std::string& boot, User& user) {
  const auto text = read_small(disk, path + kHostFile);
  if (!text) return std::unexpected(text.error());
  user = user_of(*text);
  // Since the machine was started, the lock alone tells whether it is in use, whatever the host was called then.
  const bool same_boot = !boot.empty() && user.boot == boot;
  if (!user.host.empty() && user.host != host && !same_boot)
    return refuse(path + ": is in use by the host " + user.host +
                  ", or was when that one crashed; if it is stopped for good, remove " + path + kHostFile);
  return {};
}

}  // namespace

io::DiskResult<void> Directory::check(io::Disk& disk, const std::string& path) {
  std::string format;
  if (auto fine = check_format(disk, path, format); !fine) return fine;
  if (format.empty()) return refuse(path + ": is no spool: there is no file 'format' in it");
  return {};
}

io::DiskResult<void> Directory::examine(io::Disk& disk, const std::string& path, const std::string& host,
                                        const std::string& boot) {
  const auto entry = disk.look(path);
  if (!entry && entry.error().error == ENOENT) return {};
  if (!entry) return std::unexpected(entry.error());
  if (!entry->directory) return refuse(path + kIsNoDirectory);
  if (!entry->own) return refuse(path + kIsForeign);
  if (const auto lock = disk.look(path + kLockFile); lock && !lock->regular) return refuse(path + kLockFile + kIsALink);
  std::string format;
  if (auto fine = check_format(disk, path, format); !fine) return fine;
  User user;
  return check_user(disk, path, host, boot, user);
}

io::DiskResult<std::unique_ptr<Directory>> Directory::open(io::Disk& disk, const std::string& path,
                                                           const std::string& host, const std::string& boot) {
  if (auto made = disk.make_directory(path); !made) {
    if (made.error().error == ENOTDIR) return refuse(path + kIsNoDirectory);
    return std::unexpected(made.error());
  }
  const auto entry = disk.look(path);
  if (!entry) return std::unexpected(entry.error());
  if (!entry->own) return refuse(path + kIsForeign);
  const auto lock = disk.lock(path + kLockFile);
  if (!lock) {
    if (lock.error().error == ELOOP) return refuse(path + kLockFile + kIsALink);
    if (lock.error().error == EWOULDBLOCK)
      return refuse(path + ": another relay on this machine uses it; each needs a directory of its own");
    return std::unexpected(lock.error());
  }
  std::unique_ptr<Directory> directory(new Directory(disk, path, *lock));
  std::string format;
  if (auto fine = check_format(disk, path, format); !fine) return std::unexpected(fine.error());
  User user;
  if (auto fine = check_user(disk, path, host, boot, user); !fine) return std::unexpected(fine.error());
  if (format.empty())
    if (auto written = disk.write_small(path + kFormatFile, kFormat); !written) return std::unexpected(written.error());
  if (user.host != host || user.boot != boot)
    if (auto written = write_user(disk, path + kHostFile, {host, boot}); !written)
      return std::unexpected(written.error());
  return directory;
}

Directory::~Directory() { disk_.close(lock_); }

void Directory::leave() {
  // Without it the next start on another host asks the operator: no harm.
  static_cast<void>(write_user(disk_, path_ + kHostFile, {}));
}

}  // namespace sluice::spool
