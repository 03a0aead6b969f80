#include "engine/io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/io/descriptor.h"
#include "engine/io/write_all.h"

namespace sluice::io {
namespace {

std::uint64_t nanoseconds(const timespec& time) {
  constexpr std::uint64_t kNanosecondsInSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(time.tv_sec) * kNanosecondsInSecond + static_cast<std::uint64_t>(time.tv_nsec);
}

std::expected<Descriptor, std::string> open_to_read(const std::string& path) {
  // A FIFO would be waited for, which may have no writer.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return file_fault(path, "cannot open");
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return file_fault(path, "cannot look at it");
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + ": is no regular file; name one");
  return fd;
}

// A new file with all of `bytes`, on disk.
std::expected<void, std::string> write_synced(const std::string& path, std::string_view bytes, unsigned mode) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd.get() < 0) return file_fault(path, "cannot create");
  if (!write_all(fd.get(), bytes)) return file_fault(path, "cannot write");
  if (fsync(fd.get()) != 0) return file_fault(path, "cannot sync");
  return {};
}

// With those above it.  What is new may be entered by all, whatever the umask.
std::expected<void, std::string> make_directories(const std::filesystem::path& directory) {
  constexpr mode_t kMode = 0755;
  std::filesystem::path path;
  for (const std::filesystem::path& part : directory) {
    path /= part;
    if (path.empty() || std::filesystem::is_directory(path)) continue;
    if (::mkdir(path.c_str(), kMode) != 0 || ::chmod(path.c_str(), kMode) != 0)
      return file_fault(path, "cannot make it");
  }
  return {};
}

}  // namespace

std::expected<void, std::string> write_new_files(const std::string& directory, const std::vector<NewFile>& files) {
  if (auto made = make_directories(directory); !made) return made;
  for (const NewFile& file : files)
    if (auto written = write_synced(directory + "/" + file.name, file.text, file.mode); !written) return written;
  return {};
}

std::vector<std::string> list_directories(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    // A link to a folder is one.
    if (at->is_directory(unknown)) names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<unsigned> file_mode(const std::string& path) {
  constexpr unsigned kModeBits = 07777;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_mode & kModeBits;
}

FileStamp stamp_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return {.exists = errno != ENOENT && errno != ENOTDIR, .value = {static_cast<std::uint64_t>(errno)}};
  return {.exists = true,
          .value = {nanoseconds(status.st_mtim), nanoseconds(status.st_ctim),
                    static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_ino)}};
}

std::expected<std::vector<std::string>, std::string> list_files(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (!at->is_directory(unknown)) names.push_back(at->path().filename().string());
  }
  if (error == std::errc::no_such_file_or_directory) return std::vector<std::string>();
  if (error) return std::unexpected(path + ": cannot read it: " + error.message());
  std::ranges::sort(names);
  return names;
}

namespace {

// `room`: of the text from the start, so that it is nowhere else in memory afterwards.
std::expected<std::string, std::string> read_all(int fd, const std::string& path, std::size_t bytes_max,
                                                 std::size_t room = 0) {
  std::string text;
  text.reserve(room);
  std::array<char, 16384> piece;
  for (;;) {
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n == 0 && room > 0) ::explicit_bzero(piece.data(), piece.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_fault(path, "cannot read");
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (text.size() > bytes_max) return std::unexpected(path + ": longer than " + std::to_string(bytes_max) + " bytes");
  }
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const auto fd = open_to_read(path);
  if (!fd) return std::unexpected(fd.error());
  return read_all(fd->get(), path, bytes_max);
}

std::expected<std::string, std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
  constexpr mode_t kOthers = 077;
  const auto fd = open_to_read(path);
  if (!fd) return std::unexpected(fd.error());
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return file_fault(path, "cannot look at it");
  if (status.st_uid != ::geteuid())
    return std::unexpected(path + ": belongs to another user; give it to the relay's (chown)");
  if ((status.st_mode & kOthers) != 0)
    return std::unexpected(path + ": others may read it; make it the relay's alone (chmod 600)");
  return read_all(fd->get(), path, bytes_max, bytes_max + 1);
}

std::expected<std::string, std::string> secret_path(const std::string& file) {
  if (!file.starts_with(kCredentialPrefix)) return file;
  const std::string name = file.substr(kCredentialPrefix.size());
  if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY"); directory != nullptr)
    return std::string(directory) + "/" + name;
  return std::unexpected(file +
                         ": no CREDENTIALS_DIRECTORY in the environment: systemd sets it for a unit with "
                         "LoadCredential=" +
                         name + ":PATH, and for `systemd-run --pipe` with that property");
}

std::expected<std::string, std::string> read_secret(const std::string& file, std::size_t bytes_max) {
  const auto path = secret_path(file);
  if (!path) return path;
  auto text = read_file(*path, bytes_max);
  if (!text) return text;
  std::string line = text->substr(0, text->find_first_of("\r\n"));
  ::explicit_bzero(text->data(), text->size());
  return line;
}

std::expected<std::string, std::string> read_closed_secret(const std::string& file, std::size_t bytes_max) {
  constexpr unsigned kOthers = 07;
  const auto path = secret_path(file);
  if (!path) return path;
  const auto mode = file_mode(*path);
  if (mode && (*mode & kOthers) != 0)
    return std::unexpected(file + " is open to other users; close it with: chmod 600 " + file);
  return read_file(*path, bytes_max);
}

std::expected<std::uint64_t, std::string> read_pieces(
    const std::string& path, const std::function<std::size_t(std::string_view bytes, bool end)>& take) {
  const auto fd = open_to_read(path);
  if (!fd) return std::unexpected(fd.error());
  std::string held(kReadBytes, '\0');
  std::size_t begin = 0;
  std::size_t end = 0;
  for (;;) {
    std::memmove(held.data(), held.data() + begin, end - begin);
    end -= std::exchange(begin, 0);
    const ssize_t n = ::read(fd->get(), held.data() + end, held.size() - end);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_fault(path, "cannot read");
    end += static_cast<std::size_t>(n);
    begin = take(std::string_view(held).substr(0, end), n == 0);
    if (n == 0 || (begin == 0 && end == held.size())) break;
  }
  struct stat status{};
  const off_t at = ::lseek(fd->get(), 0, SEEK_CUR);
  if (at < 0 || ::fstat(fd->get(), &status) != 0) return file_fault(path, "cannot look at it");
  return static_cast<std::uint64_t>(std::max(status.st_size, at) - at) + (end - begin);
}

std::expected<void, std::string> deliver_to_maildir(const std::string& directory, const std::string& name,
                                                    std::string_view bytes) {
  std::error_code error;
  for (const char* part : {"/tmp", "/new", "/cur"}) {
    std::filesystem::create_directories(directory + part, error);
    if (error) return std::unexpected(directory + part + ": cannot make it: " + error.message());
  }
  const std::string draft = directory + "/tmp/" + name;
  if (auto written = write_synced(draft, bytes, 0600); !written) return written;
  const std::string place = directory + "/new/" + name;
  if (::rename(draft.c_str(), place.c_str()) != 0) return file_fault(place, "cannot move there");
  const Descriptor fd(::open((directory + "/new").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return file_fault(directory + "/new", "cannot sync");
  return {};
}

}  // namespace sluice::io
