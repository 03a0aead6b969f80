#include "engine/io/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

constexpr int kFirstFile = 50'000;   // of a host's descriptors; sockets are below
constexpr int kFilesPerHost = 50'000;  // over all its lives

std::unexpected<DiskError> failed(const std::string& path, const char* doing, int error) {
  return std::unexpected(disk_error(path, doing, error));
}

DiskResult<void> done_or(const std::string& path, const char* doing, int error) {
  if (error != 0) return failed(path, doing, error);
  return {};
}

std::uint64_t blocks_up(std::uint64_t bytes) {
  return (bytes + kDiskBlockBytes - 1) / kDiskBlockBytes * kDiskBlockBytes;
}

bool leaves_file(int error) { return error == EINTR || error == EAGAIN || error == ENOMEM; }

DiskEntry entry_of(std::string_view path, const SimFile& file) {
  return {.name = std::string(path.substr(path.rfind('/') + 1)),
          .bytes = file.current.size(),
          .regular = file.regular,
          .links = file.links,
          .own = file.own};
}

DiskEntry directory_entry(std::string_view path) {
  return {.name = std::string(path.substr(path.rfind('/') + 1)), .bytes = kDiskBlockBytes, .links = 2, .own = true};
}

// The first sectors of it, perhaps.
std::size_t cut(SimContext& context, std::size_t size) {
  if (size <= kDiskSectorBytes || !context.random.percent(context.options.short_percent)) return size;
  return context.random.between(1, size / kDiskSectorBytes - 1) * kDiskSectorBytes;
}

}  // namespace

// ------------------------------------------------------------------------------------------ what a test does

void SimDisk::void_descriptors() {
  for (const Open& each : open_)
    if (each.locks) each.file->locked = false;
  issued_ += static_cast<int>(open_.size());
  open_.clear();
  host_.files_open = 0;
  ++life_;
}

void SimDisk::power_loss() {
  void_descriptors();
  storage_.power_loss();
}

void SimDisk::process_loss() {
  void_descriptors();
  storage_.process_loss();
}

void SimDisk::flip_bit(const std::string& path, std::uint64_t offset) {
  const SimFileRef file = storage_.find(SimStorage::clean(path));
  if (file == nullptr || offset >= file->current.size()) context_.broken("a bit is flipped where no file is");
  const auto bit = static_cast<unsigned>(context_.random.below(8));
  file->durable.flip(offset, bit);
  file->current.flip(offset, bit);
}

void SimDisk::plant(const std::string& path, const DiskEntry& entry) {
  auto file = std::make_shared<SimFile>();
  file->durable.grow(entry.bytes);
  file->current.grow(entry.bytes);
  file->regular = entry.regular;
  file->links = entry.links;
  file->own = entry.own;
  const std::string name = SimStorage::clean(path);
  storage_.create(name, file);
  storage_.sync(SimStorage::directory_of(name));
}

// ------------------------------------------------------------------------------------------ its parts

int SimDisk::fails(SimCall call, std::string_view path) {
  const int error = context_.faults.fails(call, host_.ip);
  context_.note({static_cast<std::uint64_t>(call), std::uint64_t(error)});
  for (const char c : path) context_.note({static_cast<unsigned char>(c)});
  return error == EINTR ? 0 : error;
}

std::uint64_t SimDisk::used() const {
  std::set<const SimFile*> seen;
  std::uint64_t bytes = 0;
  const auto add = [&](const SimFileRef& file) {
    if (file != nullptr && seen.insert(file.get()).second) bytes += blocks_up(file->current.size());
  };
  for (const auto& [path, file] : storage_.files()) add(file);
  for (const Open& each : open_) add(each.file);  // removed, but still open
  return bytes;
}

bool SimDisk::has_room(std::uint64_t bytes) const {
  const std::uint64_t taken = used();
  return taken <= capacity_ && bytes <= capacity_ - taken;
}

bool SimDisk::is_file(int descriptor) const {
  const int number = descriptor - host_.first_descriptor;
  return number >= kFirstFile && number < kFirstFile + kFilesPerHost;
}

SimDisk::Open* SimDisk::opened(int descriptor) {
  const int number = descriptor - host_.first_descriptor - kFirstFile;
  if (number >= 0 && number < issued_) return nullptr;
  const auto index = static_cast<std::size_t>(number - issued_);
  if (number < 0 || index >= open_.size() || open_[index].file == nullptr)
    context_.broken("a descriptor that is not open was used");
  return &open_[index];
}

DiskResult<int> SimDisk::give_descriptor(Open open, const char* doing) {
  if (SimNetwork::descriptors_open(host_) >= host_.descriptors_max) return failed(open.path, doing, EMFILE);
  if (open.locks) open.file->locked = true;
  auto free = std::ranges::find(open_, nullptr, &Open::file);
  if (free == open_.end()) free = open_.emplace(free);
  *free = std::move(open);
  ++host_.files_open;
  const int number = issued_ + static_cast<int>(free - open_.begin());
  CHECK(number < kFilesPerHost);
  return host_.first_descriptor + kFirstFile + number;
}

void SimDisk::close(int file) {
  Open* const open = opened(file);
  if (open == nullptr) return;
  if (open->locks) open->file->locked = false;
  *open = {};
  --host_.files_open;
}

void SimDisk::check_blocks(std::uint64_t offset, std::size_t size, const void* memory) const {
  if (offset % kDiskBlockBytes != 0 || size % kDiskBlockBytes != 0 ||
      reinterpret_cast<std::uintptr_t>(memory) % kDiskBlockBytes != 0)
    context_.broken("a direct transfer that is not of whole, aligned blocks");
}

// An errno or 0, as below.
int SimDisk::put(SimFile& file, std::uint64_t offset, std::string_view bytes, bool durable) {
  const std::uint64_t end = offset + bytes.size();
  if (end > file.current.size() && !has_room(blocks_up(end) - blocks_up(file.current.size()))) return ENOSPC;
  if (!durable) return SimStorage::write(file, offset, bytes), 0;
  if (const int error = context_.faults.fails(SimCall::sync, host_.ip); error != 0) {
    storage_.write_torn(file, offset, bytes);
    return error;
  }
  SimStorage::write_durably(file, offset, bytes);
  return 0;
}

int SimDisk::make_file(const std::string& path, std::uint64_t bytes, SimFileRef& file) {
  if (const int error = fails(SimCall::create, path); error != 0) return error;
  if (!storage_.is_directory(SimStorage::directory_of(path))) return ENOENT;
  if (storage_.find(path) != nullptr || storage_.is_directory(path)) return EEXIST;
  if (!has_room(bytes)) return ENOSPC;
  if (SimNetwork::descriptors_open(host_) >= host_.descriptors_max) return EMFILE;
  file = std::make_shared<SimFile>();
  storage_.create(path, file);
  return 0;
}

int SimDisk::move(const std::string& from, const std::string& to) {
  if (const int error = fails(SimCall::rename, from); error != 0) return error;
  if (storage_.is_directory(from)) context_.broken("the simulated disk renames no directories");
  if (storage_.find(from) == nullptr || !storage_.is_directory(SimStorage::directory_of(to))) return ENOENT;
  if (storage_.is_directory(to)) return EISDIR;
  if (from != to) storage_.rename(from, to);
  return 0;
}

int SimDisk::sync(const std::string& directory) {
  if (const int error = fails(SimCall::sync, directory); error != 0) return error;
  if (!storage_.is_directory(directory)) return storage_.find(directory) != nullptr ? ENOTDIR : ENOENT;
  storage_.sync(directory);
  return 0;
}

// ------------------------------------------------------------------------------------------ names

DiskResult<void> SimDisk::make_directory(const std::string& path) {
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

DiskResult<std::vector<DiskEntry>> SimDisk::list(const std::string& directory) {
  constexpr const char* kDoing = "cannot list it";
  const std::string name = SimStorage::clean(directory);
  if (const int error = fails(SimCall::list, name); error != 0) return failed(directory, kDoing, error);
  if (!storage_.is_directory(name))
    return failed(directory, kDoing, storage_.find(name) != nullptr ? ENOTDIR : ENOENT);
  std::vector<DiskEntry> entries;
  for (const auto& [path, file] : storage_.files())
    if (SimStorage::directory_of(path) == name) entries.push_back(entry_of(path, *file));
  for (const std::string& path : storage_.directories())
    if (path != "/" && path != "." && SimStorage::directory_of(path) == name)
      entries.push_back(directory_entry(path));
  std::ranges::sort(entries, {}, &DiskEntry::name);
  return entries;
}

DiskResult<DiskEntry> SimDisk::look(const std::string& path) {
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::list, name); error != 0) return failed(path, "cannot look at it", error);
  if (storage_.is_directory(name)) return directory_entry(name);
  const SimFileRef file = storage_.find(name);
  if (file == nullptr) return failed(path, "cannot look at it", ENOENT);
  return entry_of(name, *file);
}

DiskResult<void> SimDisk::rename(const std::string& from, const std::string& to) {
  return done_or(from, ("cannot rename it to " + to).c_str(), move(SimStorage::clean(from), SimStorage::clean(to)));
}

DiskResult<void> SimDisk::remove(const std::string& path) {
  constexpr const char* kDoing = "cannot remove it";
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::remove, name); error != 0) return failed(path, kDoing, error);
  if (storage_.is_directory(name)) return failed(path, kDoing, EISDIR);
  if (storage_.find(name) == nullptr) return failed(path, kDoing, ENOENT);
  storage_.remove(name);
  return {};
}

DiskResult<void> SimDisk::sync_directory(const std::string& path) {
  return done_or(path, "cannot sync the directory", sync(SimStorage::clean(path)));
}

DiskResult<std::uint64_t> SimDisk::free_bytes(const std::string& path) {
  const std::string name = SimStorage::clean(path);
  int error = fails(SimCall::list, name);
  if (error == 0 && !storage_.is_directory(name) && storage_.find(name) == nullptr) error = ENOENT;
  if (error != 0) return failed(path, "cannot ask for free space", error);
  return capacity_ - std::min(capacity_, used());
}

// ------------------------------------------------------------------------------------------ files

DiskResult<int> SimDisk::create(const std::string& path, std::uint64_t bytes) {
  constexpr const char* kDoing = "cannot create it";
  const std::string name = SimStorage::clean(path);
  if (bytes % kDiskBlockBytes != 0) return failed(path, kDoing, EINVAL);
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

DiskResult<int> SimDisk::open(const std::string& path, bool writable) {
  constexpr const char* kDoing = "cannot open it";
  const std::string name = SimStorage::clean(path);
  if (const int error = fails(SimCall::open_file, name); error != 0) return failed(path, kDoing, error);
  const SimFileRef file = storage_.find(name);
  if (file == nullptr) return failed(path, kDoing, storage_.is_directory(name) ? EINVAL : ENOENT);
  if (!file->regular) return failed(path, kDoing, ELOOP);
  return give_descriptor({.file = file, .path = name, .writable = writable}, kDoing);
}

DiskResult<std::string> SimDisk::read(int file, std::uint64_t offset, std::size_t bytes) {
  const Open* const open = opened(file);
  if (open == nullptr) return failed("a file of an earlier life", "cannot read", EIO);
  if (const int error = fails(SimCall::read_file, open->path); error != 0)
    return failed(open->path, "cannot read", error);
  return open->file->current.read(offset, bytes);
}

DiskResult<void> SimDisk::write(int file, std::uint64_t offset, std::string_view bytes, bool durable) {
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

DiskResult<void> SimDisk::write_small(const std::string& path, std::string_view text) {
  constexpr const char* kDoing = "cannot write it";
  const std::string name = SimStorage::clean(path);
  const std::string draft = name + ".draft";
  if (storage_.find(draft) != nullptr) storage_.remove(draft);
  SimFileRef file;
  if (const int error = make_file(draft, blocks_up(text.size()), file); error != 0)
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

DiskResult<int> SimDisk::lock(const std::string& path) {
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

// ------------------------------------------------------------------------------------------ for rings

std::expected<SimDisk::Transfer, int> SimDisk::begin_write(int file, std::uint64_t offset, std::string_view bytes) {
  check_blocks(offset, bytes.size(), bytes.data());
  const Open* const open = opened(file);
  if (open == nullptr) return std::unexpected(EIO);
  if (!open->writable) return std::unexpected(EBADF);
  return Transfer{.file = open->file, .number = storage_.begin_write(open->file, offset, bytes), .offset = offset};
}

std::expected<SimDisk::Transfer, int> SimDisk::begin_read(int file, std::uint64_t offset, std::span<std::byte> to) {
  check_blocks(offset, to.size(), to.data());
  const Open* const open = opened(file);
  if (open == nullptr) return std::unexpected(EIO);
  std::ranges::fill(to, std::byte{0xdb});  // anything may be there until it ends
  return Transfer{.file = open->file, .offset = offset};
}

std::int32_t SimDisk::end_write(const Transfer& transfer, std::string_view bytes, bool durable) {
  storage_.end_write(transfer.number);
  if (const int error = context_.faults.fails(SimCall::write_file, host_.ip); error != 0) {
    if (!leaves_file(error)) storage_.write_torn(*transfer.file, transfer.offset, bytes);
    return -error;
  }
  bytes = bytes.substr(0, cut(context_, bytes.size()));
  const int error = put(*transfer.file, transfer.offset, bytes, durable);
  return error != 0 ? -error : static_cast<std::int32_t>(bytes.size());
}

std::int32_t SimDisk::end_read(const Transfer& transfer, std::span<std::byte> to) {
  if (const int error = context_.faults.fails(SimCall::read_file, host_.ip); error != 0) return -error;
  const std::string bytes = transfer.file->current.read(transfer.offset, cut(context_, to.size()));
  std::memcpy(to.data(), bytes.data(), bytes.size());
  return static_cast<std::int32_t>(bytes.size());
}

}  // namespace sluice::io
