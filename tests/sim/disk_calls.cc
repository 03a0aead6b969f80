// The blocking calls of a simulated disk.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "tests/sim/disk.h"

namespace sluice::sim {
namespace {

std::unexpected<io::DiskError> failed(const std::string& path, const char* doing, int error) {
  return std::unexpected(io::disk_error(path, doing, error));
}

io::DiskResult<void> done_or(const std::string& path, const char* doing, int error) {
  if (error != 0) return failed(path, doing, error);
  return {};
}

io::DiskEntry entry_of(std::string_view path, const SimFile& file) {
  return {.name = std::string(path.substr(path.rfind('/') + 1)),
          .bytes = file.current.size(),
          .regular = file.regular,
          .links = file.links,
          .own = file.own};
}

io::DiskEntry directory_entry(std::string_view path) {
  return {.name = std::string(path.substr(path.rfind('/') + 1)),
          .bytes = io::kDiskBlockBytes,
          .directory = true,
          .links = 2,
          .own = true};
}

}  // namespace

// ------------------------------------------------------------------------------------------ names

io::DiskResult<void> SimDisk::make_directory(const std::string& path) {
  constexpr const char* kDoing = "cannot make the directory";
  const std::string name = SimStorage::clean(path);
  if (storage_.is_directory(name)) return {};
  if (const int error = fails(SimCall::create, name); error != 0) return failed(path, kDoing, error);
  for (std::size_t end = 0; end < name.size();) {
    end = std::min(name.find('/', end + 1), name.size());
    const std::string part = name.substr(0, end);
    if (storage_.find(part) != nullptr) return failed(part, kDoing, ENOTDIR);
    storage_.make_directory(part);
  }
  return {};
}

io::DiskResult<std::vector<io::DiskEntry>> SimDisk::list(const std::string& directory) {
  constexpr const char* kDoing = "cannot list it";
  const std::string name = SimStorage::clean(directory);
  if (const int error = fails(SimCall::list, name); error != 0) return failed(directory, kDoing, error);
  if (!storage_.is_directory(name)) return failed(directory, kDoing, storage_.find(name) != nullptr ? ENOTDIR : ENOENT);
  std::vector<io::DiskEntry> entries;
  for (const auto& [path, file] : storage_.files())
    if (SimStorage::directory_of(path) == name) entries.push_back(entry_of(path, *file));
  for (const std::string& path : storage_.directories())
    if (path != "/" && path != "." && SimStorage::directory_of(path) == name) entries.push_back(directory_entry(path));
  std::ranges::sort(entries, {}, &io::DiskEntry::name);
  return entries;
}

io::DiskResult<io::DiskEntry> SimDisk::look(const std::string& path) {
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::list, name); error != 0) return failed(path, "cannot look at it", error);
  if (storage_.is_directory(name)) return directory_entry(name);
  const SimFileRef file = storage_.find(name);
  if (file == nullptr) return failed(path, "cannot look at it", ENOENT);
  return entry_of(name, *file);
}

io::DiskResult<void> SimDisk::rename(const std::string& from, const std::string& to) {
  return done_or(from, ("cannot rename it to " + to).c_str(), move(SimStorage::clean(from), SimStorage::clean(to)));
}

io::DiskResult<void> SimDisk::remove(const std::string& path) {
  constexpr const char* kDoing = "cannot remove it";
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::remove, name); error != 0) return failed(path, kDoing, error);
  if (storage_.is_directory(name)) return failed(path, kDoing, EISDIR);
  if (storage_.find(name) == nullptr) return failed(path, kDoing, ENOENT);
  storage_.remove(name);
  return {};
}

io::DiskResult<std::uint32_t> SimDisk::links(int file) {
  const Open* open = opened(file);
  if (open == nullptr) return failed("a file", "cannot look at it", EBADF);
  const bool named = std::ranges::any_of(storage_.files(), [&](const auto& each) { return each.second == open->file; });
  return named ? open->file->links : 0;
}

io::DiskResult<void> SimDisk::sync_directory(const std::string& path) {
  return done_or(path, "cannot sync the directory", sync(SimStorage::clean(path)));
}

io::DiskResult<std::uint64_t> SimDisk::free_bytes(const std::string& path) {
  const std::string name = SimStorage::clean(path);
  int error = fails(SimCall::list, name);
  if (error == 0 && !storage_.is_directory(name) && storage_.find(name) == nullptr) error = ENOENT;
  if (error != 0) return failed(path, "cannot ask for free space", error);
  return capacity_ - std::min(capacity_, used());
}

// ------------------------------------------------------------------------------------------ files

io::DiskResult<int> SimDisk::create(const std::string& path, std::uint64_t bytes) {
  constexpr const char* kDoing = "cannot create it";
  const std::string name = SimStorage::clean(path);
  if (bytes % io::kDiskBlockBytes != 0) return failed(path, kDoing, EINVAL);
  SimFileRef file;
  if (const int error = make_file(name, bytes, file); error != 0) return failed(path, kDoing, error);
  file->current.grow(bytes);
  if (const int error = fails(SimCall::sync, name); error != 0) {
    storage_.remove(name);
    return failed(path, kDoing, error);
  }
  file->durable.grow(bytes);
  return give_descriptor({.file = file, .path = name, .writable = true}, kDoing);
}

io::DiskResult<int> SimDisk::open(const std::string& path, bool writable) {
  constexpr const char* kDoing = "cannot open it";
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::open_file, name); error != 0) return failed(path, kDoing, error);
  const SimFileRef file = storage_.find(name);
  if (file == nullptr) return failed(path, kDoing, storage_.is_directory(name) ? EINVAL : ENOENT);
  if (!file->regular) return failed(path, kDoing, ELOOP);
  return give_descriptor({.file = file, .path = name, .writable = writable}, kDoing);
}

io::DiskResult<std::string> SimDisk::read(int file, std::uint64_t offset, std::size_t bytes) {
  const Open* const open = opened(file);
  if (open == nullptr) return failed("a file of an earlier life", "cannot read", EIO);
  if (const int error = fails(SimCall::read_file, open->path); error != 0)
    return failed(open->path, "cannot read", error);
  return open->file->current.read(offset, bytes);
}

io::DiskResult<void> SimDisk::write(int file, std::uint64_t offset, std::string_view bytes, bool durable) {
  constexpr const char* kDoing = "cannot write";
  const Open* const open = opened(file);
  if (open == nullptr) return failed("a file of an earlier life", kDoing, EIO);
  check_blocks(offset, bytes.size(), nullptr);
  if (!open->writable) return failed(open->path, kDoing, EBADF);
  if (const int error = fails(SimCall::write_file, open->path); error != 0) {
    if (!leaves_file(error)) storage_.write_torn(*open->file, offset, bytes);
    return failed(open->path, kDoing, error);
  }
  return done_or(open->path, kDoing, put(*open->file, offset, bytes, durable));
}

io::DiskResult<void> SimDisk::sync(int file) {
  constexpr const char* kDoing = "cannot sync";
  const Open* const open = opened(file);
  if (open == nullptr) return failed("a file of an earlier life", kDoing, EIO);
  if (const int error = fails(SimCall::sync, open->path); error != 0) return failed(open->path, kDoing, error);
  SimStorage::sync_content(*open->file);
  return {};
}

io::DiskResult<void> SimDisk::write_small(const std::string& path, std::string_view text) {
  constexpr const char* kDoing = "cannot write it";
  const std::string name = SimStorage::clean(path);
  const std::string draft = name + ".draft";
  if (storage_.find(draft) != nullptr) storage_.remove(draft);
  SimFileRef file;
  if (const int error = make_file(draft, io::disk_blocks_up(text.size()), file); error != 0)
    return failed(draft, kDoing, error);
  int error = fails(SimCall::write_file, draft);
  if (error == 0) error = put(*file, 0, text, /*durable=*/true);
  if (error == 0) error = move(draft, name);
  if (error != 0) {
    storage_.remove(draft);
    return failed(path, kDoing, error);
  }
  return done_or(path, kDoing, sync(SimStorage::directory_of(name)));
}

io::DiskResult<int> SimDisk::lock(const std::string& path) {
  constexpr const char* kDoing = "cannot lock it";
  const std::string name = SimStorage::clean(path);
  SimFileRef file = storage_.find(name);
  if (file == nullptr) {
    if (const int error = make_file(name, 0, file); error != 0) return failed(path, kDoing, error);
  } else if (const int error = fails(SimCall::open_file, name); error != 0) {
    return failed(path, kDoing, error);
  }
  if (!file->regular) return failed(path, kDoing, ELOOP);
  if (file->locked) return failed(path, kDoing, EWOULDBLOCK);
  return give_descriptor({.file = file, .path = name, .writable = true, .locks = true}, kDoing);
}

}  // namespace sluice::sim
