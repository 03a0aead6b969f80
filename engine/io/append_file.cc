#include "engine/io/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sluice::io {
namespace {

std::unexpected<std::string> append_fault(const std::string& path, const char* doing) {
  return std::unexpected(path + ": " + doing + ": " + std::strerror(errno));
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::expected<AppendFile, std::string> AppendFile::replace(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (file.get() < 0) return append_fault(fresh, "cannot create");
  if (!write_all(file.get(), bytes)) return append_fault(fresh, "cannot write");
  if (::fdatasync(file.get()) != 0) return append_fault(fresh, "cannot sync");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return append_fault(path, "cannot replace");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return append_fault(folder, "cannot sync");
  return AppendFile(path, std::move(file), bytes.size());
}

std::expected<void, std::string> AppendFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), bytes)) return append_fault(path_, "cannot write");
  if (::fdatasync(file_.get()) != 0) return append_fault(path_, "cannot sync");
  size_ += bytes.size();
  return {};
}

}  // namespace sluice::io
