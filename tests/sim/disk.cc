#include "tests/sim/disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "engine/base/check.h"

namespace sluice::sim {
namespace {

constexpr int kFirstFile = 50'000;     // of a host's descriptors; sockets are below
constexpr int kFilesPerHost = 50'000;  // over all its lives

// The first sectors of it, perhaps.
std::size_t cut(SimContext& context, std::size_t size) {
  if (size <= io::kDiskSectorBytes || !context.random.percent(context.options.short_percent)) return size;
  return context.random.between(1, size / io::kDiskSectorBytes - 1) * io::kDiskSectorBytes;
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

void SimDisk::plant(const std::string& path, const io::DiskEntry& entry) {
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
    if (file != nullptr && seen.insert(file.get()).second) bytes += io::disk_blocks_up(file->current.size());
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

io::DiskResult<int> SimDisk::give_descriptor(Open open, const char* doing) {
  if (SimNetwork::descriptors_open(host_) >= host_.descriptors_max)
    return std::unexpected(io::disk_error(open.path, doing, EMFILE));
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
  if (offset % io::kDiskBlockBytes != 0 || size % io::kDiskBlockBytes != 0 ||
      reinterpret_cast<std::uintptr_t>(memory) % io::kDiskBlockBytes != 0)
    context_.broken("a direct transfer that is not of whole, aligned blocks");
}

int SimDisk::put(SimFile& file, std::uint64_t offset, std::string_view bytes, bool durable) {
  const std::uint64_t end = offset + bytes.size();
  if (end > file.current.size() && !has_room(io::disk_blocks_up(end) - io::disk_blocks_up(file.current.size())))
    return ENOSPC;
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

}  // namespace sluice::sim
