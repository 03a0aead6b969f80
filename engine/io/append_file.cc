#include "engine/io/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "engine/io/write_all.h"

namespace sluice::io {

std::expected<AppendFile, std::string> AppendFile::replace(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (file.get() < 0) return file_fault(fresh, "cannot create");
  if (!write_all(file.get(), bytes)) return file_fault(fresh, "cannot write");
  if (::fdatasync(file.get()) != 0) return file_fault(fresh, "cannot sync");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_fault(path, "cannot replace");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return file_fault(folder, "cannot sync");
  return AppendFile(path, std::move(file), bytes.size());
}

std::expected<void, std::string> AppendFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), bytes)) return file_fault(path_, "cannot write");
  if (::fdatasync(file_.get()) != 0) return file_fault(path_, "cannot sync");
  size_ += bytes.size();
  return {};
}

}  // namespace sluice::io
