// The disk of a simulated host, shared by its cores: what is not synced may be lost with the power,
// whole, in part or in any order, and calls fail as SimFaults says.  It is stricter than a kernel:
// memory, a size or an offset that is not of whole blocks, an unknown descriptor, or two writes to
// one place at the same time stop the program. Owned by its SimWorld; one thread.  Calls take no
// simulated time: what a job of the workers takes is theirs.
//
// A program that was running at a loss of power or was killed is over, although its objects are
// still there: its descriptors are void, and what it still asks of the disk through its platform fails
// with EIO and does nothing, so that it can be taken down; a new life begins with a new platform.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "tests/sim/context.h"
#include "tests/sim/network.h"
#include "tests/sim/storage.h"

namespace sluice::sim {

class SimDisk final : public io::Disk {
 public:
  SimDisk(SimContext& context, SimHost& host) : context_(context), host_(host), storage_(context) {}
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // What a test does to it.
  void power_loss();
  void process_loss();  // kill -9: what was written stays, but for what was under way
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  // A bit of the byte at `offset`; the file is there.
  void flip_bit(const std::string& path, std::uint64_t offset);
  // Something that the program did not put there: a link, another's file.  `entry.name` is not
  // used.
  void plant(const std::string& path, const io::DiskEntry& entry);

  io::DiskResult<void> make_directory(const std::string& path) override;
  io::DiskResult<std::vector<io::DiskEntry>> list(const std::string& directory) override;
  io::DiskResult<io::DiskEntry> look(const std::string& path) override;
  io::DiskResult<int> create(const std::string& path, std::uint64_t bytes) override;
  io::DiskResult<int> open(const std::string& path, bool writable) override;
  io::DiskResult<std::uint32_t> links(int file) override;
  io::DiskResult<std::string> read(int file, std::uint64_t offset, std::size_t bytes) override;
  io::DiskResult<void> write(int file, std::uint64_t offset, std::string_view bytes, bool durable) override;
  io::DiskResult<void> sync(int file) override;
  io::DiskResult<void> rename(const std::string& from, const std::string& to) override;
  io::DiskResult<void> remove(const std::string& path) override;
  io::DiskResult<void> sync_directory(const std::string& path) override;
  io::DiskResult<void> write_small(const std::string& path, std::string_view text) override;
  io::DiskResult<int> lock(const std::string& path) override;
  io::DiskResult<std::uint64_t> free_bytes(const std::string& path) override;
  void close(int file) override;

  // For rings and platforms.
  [[nodiscard]] std::uint64_t life() const { return life_; }  // another after each loss
  [[nodiscard]] bool is_file(int descriptor) const;           // a socket otherwise
  // A transfer of the ring: begun with the submission, ended with the completion, whose result it
  // gives.
  struct Transfer {
    SimFileRef file;
    std::uint64_t number = 0;  // a write's
    std::uint64_t offset = 0;
  };
  // Or an errno.
  std::expected<Transfer, int> begin_write(int file, std::uint64_t offset, std::string_view bytes);
  std::expected<Transfer, int> begin_read(int file, std::uint64_t offset, std::span<std::byte> to);
  std::int32_t end_write(const Transfer& transfer, std::string_view bytes, bool durable);
  std::int32_t end_read(const Transfer& transfer, std::span<std::byte> to);

 private:
  struct Open {
    SimFileRef file;  // null: free
    std::string path;
    bool writable = false;
    bool locks = false;
  };
  Open* opened(int descriptor);  // null: void
  io::DiskResult<int> give_descriptor(Open open, const char* doing);
  void void_descriptors();
  // Counts the call, and whether it fails; never with EINTR, which blocking calls keep to
  // themselves.
  int fails(SimCall call, std::string_view path);
  int make_file(const std::string& path, std::uint64_t bytes, SimFileRef& file);
  // An errno or 0, as below.
  int put(SimFile& file, std::uint64_t offset, std::string_view bytes, bool durable);
  int move(const std::string& from, const std::string& to);
  int sync(const std::string& directory);
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;
  // After these of a write nothing was written.
  static bool leaves_file(int error) { return error == EINTR || error == EAGAIN || error == ENOMEM; }
  void check_blocks(std::uint64_t offset, std::size_t size, const void* memory) const;

  SimContext& context_;
  SimHost& host_;
  SimStorage storage_;
  std::uint64_t capacity_ = std::uint64_t{64} << 30;
  std::uint64_t life_ = 1;
  int issued_ = 0;  // descriptors of earlier lives
  std::vector<Open> open_;
};

// A platform's disk: the host's, until the life ends in which it was made.
class SimDiskPlatform final : public io::Disk {
 public:
  explicit SimDiskPlatform(SimDisk& disk) : disk_(disk), life_(disk.life()) {}

  io::DiskResult<void> make_directory(const std::string& path) override;
  io::DiskResult<std::vector<io::DiskEntry>> list(const std::string& directory) override;
  io::DiskResult<io::DiskEntry> look(const std::string& path) override;
  io::DiskResult<int> create(const std::string& path, std::uint64_t bytes) override;
  io::DiskResult<int> open(const std::string& path, bool writable) override;
  io::DiskResult<std::uint32_t> links(int file) override { return disk_.links(file); }
  io::DiskResult<std::string> read(int file, std::uint64_t offset, std::size_t bytes) override;
  io::DiskResult<void> write(int file, std::uint64_t offset, std::string_view bytes, bool durable) override;
  io::DiskResult<void> sync(int file) override;
  io::DiskResult<void> rename(const std::string& from, const std::string& to) override;
  io::DiskResult<void> remove(const std::string& path) override;
  io::DiskResult<void> sync_directory(const std::string& path) override;
  io::DiskResult<void> write_small(const std::string& path, std::string_view text) override;
  io::DiskResult<int> lock(const std::string& path) override;
  io::DiskResult<std::uint64_t> free_bytes(const std::string& path) override;
  void close(int file) override { disk_.close(file); }

 private:
  [[nodiscard]] bool over() const { return disk_.life() != life_; }
  SimDisk& disk_;
  std::uint64_t life_;
};

}  // namespace sluice::sim
