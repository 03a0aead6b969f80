#include "engine/io/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "engine/io/write_all.h"

namespace sluice::io {
namespace {

constexpr mode_t kOwnerAlone = 0600;

// Puts `fresh`, which is all on the disk, in the place of `path`.
std::expected<void, std::string> put_in_place(const std::string& fresh, const std::string& path) {
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_fault(path, "cannot replace");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return file_fault(folder, "cannot sync");
  return {};
}

}  // namespace

std::expected<AppendFile, std::string> AppendFile::replace(const std::string& path, std::string_view bytes) {
  return replace(path, [rest = bytes]() mutable { return std::exchange(rest, {}); });
}

std::expected<AppendFile, std::string> AppendFile::replace(const std::string& path,
                                                           const std::function<std::string_view()>& next) {
  const std::string fresh = path + ".new";
  Descriptor descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kOwnerAlone));
  if (descriptor.get() < 0) return file_fault(fresh, "cannot create");
  AppendFile file(fresh, std::move(descriptor), 0);
  std::expected<void, std::string> done;
  while (done) {
    const std::string_view piece = next();
    if (piece.empty()) break;
    done = file.append(piece);
  }
  if (done) done = put_in_place(fresh, path);
  if (!done) {
    // Room for others, where the disk is full.
    ::unlink(fresh.c_str());
    return std::unexpected(done.error());
  }
  file.path_ = path;
  return file;
}

std::expected<AppendFile, std::string> AppendFile::extend(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file.get() < 0) return file_fault(path, "cannot open");
  struct stat status{};
  if (::fchmod(file.get(), kOwnerAlone) != 0 || ::fstat(file.get(), &status) != 0)
    return file_fault(path, "cannot look at it");
  return AppendFile(path, std::move(file), static_cast<std::uint64_t>(status.st_size));
}

std::expected<void, std::string> AppendFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), bytes)) return file_fault(path_, "cannot write");
  if (::fdatasync(file_.get()) != 0) return file_fault(path_, "cannot sync");
  size_ += bytes.size();
  return {};
}

}  // namespace sluice::io
