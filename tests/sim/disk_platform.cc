// A platform's disk in a simulated world: nothing is done for a program whose life is over.
#include <cerrno>

#include "tests/sim/disk.h"

namespace sluice::sim {
namespace {

std::unexpected<io::DiskError> over_at(const std::string& path) {
  return std::unexpected(io::disk_error(path, "the machine or the process is down", EIO));
}

}  // namespace

io::DiskResult<void> SimDiskPlatform::make_directory(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.make_directory(path);
}

io::DiskResult<std::vector<io::DiskEntry>> SimDiskPlatform::list(const std::string& directory) {
  if (over()) return over_at(directory);
  return disk_.list(directory);
}

io::DiskResult<io::DiskEntry> SimDiskPlatform::look(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.look(path);
}

io::DiskResult<int> SimDiskPlatform::create(const std::string& path, std::uint64_t bytes) {
  if (over()) return over_at(path);
  return disk_.create(path, bytes);
}

io::DiskResult<int> SimDiskPlatform::open(const std::string& path, bool writable) {
  if (over()) return over_at(path);
  return disk_.open(path, writable);
}

io::DiskResult<std::string> SimDiskPlatform::read(int file, std::uint64_t offset, std::size_t bytes) {
  return disk_.read(file, offset, bytes);  // a descriptor is of one life of the disk
}

io::DiskResult<void> SimDiskPlatform::write(int file, std::uint64_t offset, std::string_view bytes, bool durable) {
  return disk_.write(file, offset, bytes, durable);
}

io::DiskResult<void> SimDiskPlatform::sync(int file) { return disk_.sync(file); }

io::DiskResult<void> SimDiskPlatform::rename(const std::string& from, const std::string& to) {
  if (over()) return over_at(from);
  return disk_.rename(from, to);
}

io::DiskResult<void> SimDiskPlatform::remove(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.remove(path);
}

io::DiskResult<void> SimDiskPlatform::sync_directory(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.sync_directory(path);
}

io::DiskResult<void> SimDiskPlatform::write_small(const std::string& path, std::string_view text) {
  if (over()) return over_at(path);
  return disk_.write_small(path, text);
}

io::DiskResult<int> SimDiskPlatform::lock(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.lock(path);
}

io::DiskResult<std::uint64_t> SimDiskPlatform::free_bytes(const std::string& path) {
  if (over()) return over_at(path);
  return disk_.free_bytes(path);
}

}  // namespace sluice::sim
