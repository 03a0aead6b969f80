// A disk in memory whose files a test looks at and changes as it likes.  It forgets nothing; what a crash leaves is
// tried on sim::SimDisk.
// Owned by one test; one thread.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"

namespace sluice::testing {

class MemoryDisk final : public io::Disk {
 public:
  struct File {
    std::string bytes;
    bool regular = true;
    bool own = true;
    std::uint32_t links = 1;
    bool locked = false;
    // Reads that touch bytes from `bad_from` on, up to `bad_to`, fail.
    std::uint64_t bad_from = 0;
    std::uint64_t bad_to = 0;
  };

  // Called before each read: what another process does to the disk meanwhile.
  std::function<void()> before_read = [] {};

  // Takes no new file or directory, and no longer one.
  bool full = false;

  // The file of this name, made if need be.
  File& file(const std::string& path) {
    auto& file = files_[path];
    if (file == nullptr) file = std::make_shared<File>();
    return *file;
  }
  [[nodiscard]] bool has(const std::string& path) const { return files_.contains(path); }
  // Names in a directory.
  [[nodiscard]] std::vector<std::string> names(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& [path, file] : files_)
      if (directory_of(path) == directory) names.push_back(name_of(path));
    return names;
  }
  [[nodiscard]] std::size_t files_open() const {
    return static_cast<std::size_t>(std::ranges::count_if(open_, [](const auto& file) { return file != nullptr; }));
  }

  io::DiskResult<void> make_directory(const std::string& path) override {
    if (full && !directories_.contains(path)) return failed(path, ENOSPC);
    directories_.insert(path);
    return {};
  }
  io::DiskResult<std::vector<io::DiskEntry>> list(const std::string& directory) override {
    std::vector<io::DiskEntry> entries;
    for (const auto& [path, file] : files_)
      if (directory_of(path) == directory) entries.push_back(entry_of(path, *file));
    return entries;
  }
  io::DiskResult<io::DiskEntry> look(const std::string& path) override {
    if (directories_.contains(path))
      return io::DiskEntry{.name = name_of(path), .directory = true, .links = 2, .own = true};
    const auto at = files_.find(path);
    if (at == files_.end()) return failed(path, ENOENT);
    return entry_of(path, *at->second);
  }
  io::DiskResult<int> create(const std::string& path, std::uint64_t bytes) override {
    if (files_.contains(path)) return failed(path, EEXIST);
    if (full) return failed(path, ENOSPC);
    file(path).bytes.resize(bytes);
    return give(files_[path]);
  }
  io::DiskResult<int> open(const std::string& path, bool /*writable*/) override {
    const auto at = files_.find(path);
    if (at == files_.end()) return failed(path, ENOENT);
    if (!at->second->regular) return failed(path, ELOOP);
    return give(at->second);
  }
  io::DiskResult<std::uint32_t> links(int file) override {
    const auto& of = open_.at(static_cast<std::size_t>(file));
    return std::ranges::any_of(files_, [&](const auto& each) { return each.second == of; }) ? of->links : 0;
  }
  io::DiskResult<std::string> read(int file, std::uint64_t offset, std::size_t bytes) override {
    before_read();
    const File& from = *open_.at(static_cast<std::size_t>(file));
    if (offset < from.bad_to && offset + bytes > from.bad_from) return failed("a file", EIO);
    return from.bytes.substr(std::min<std::size_t>(offset, from.bytes.size()), bytes);
  }
  io::DiskResult<void> write(int file, std::uint64_t offset, std::string_view bytes, bool /*durable*/) override {
    std::string& to = open_.at(static_cast<std::size_t>(file))->bytes;
    if (full && to.size() < offset + bytes.size()) return failed("a file", ENOSPC);
    if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
    to.replace(offset, bytes.size(), bytes);
    return {};
  }
  io::DiskResult<void> sync(int /*file*/) override { return {}; }
  io::DiskResult<void> rename(const std::string& from, const std::string& to) override {
    const auto at = files_.find(from);
    if (at == files_.end()) return failed(from, ENOENT);
    const std::shared_ptr<File> file = at->second;
    files_.erase(at);
    files_[to] = file;
    return {};
  }
  io::DiskResult<void> remove(const std::string& path) override {
    if (files_.erase(path) == 0) return failed(path, ENOENT);
    return {};
  }
  io::DiskResult<void> sync_directory(const std::string& /*path*/) override { return {}; }
  io::DiskResult<void> write_small(const std::string& path, std::string_view text) override {
    if (full) return failed(path, ENOSPC);
    files_.erase(path);
    file(path).bytes = text;
    return {};
  }
  io::DiskResult<int> lock(const std::string& path) override {
    if (std::exchange(file(path).locked, true)) return failed(path, EWOULDBLOCK);
    return give(files_[path]);
  }
  io::DiskResult<std::uint64_t> free_bytes(const std::string& /*path*/) override {
    return full ? 0 : std::uint64_t{1} << 40;
  }
  void close(int file) override {
    auto& open = open_.at(static_cast<std::size_t>(file));
    open->locked = false;
    open = nullptr;
  }

 private:
  static std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
  static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  static io::DiskEntry entry_of(const std::string& path, const File& file) {
    return {.name = name_of(path),
            .bytes = file.bytes.size(),
            .regular = file.regular,
            .links = file.links,
            .own = file.own};
  }
  static std::unexpected<io::DiskError> failed(const std::string& path, int error) {
    return std::unexpected(io::disk_error(path, "cannot", error));
  }
  int give(const std::shared_ptr<File>& file) {
    open_.push_back(file);
    return static_cast<int>(open_.size()) - 1;
  }

  std::map<std::string, std::shared_ptr<File>> files_;
  std::set<std::string> directories_;
  std::vector<std::shared_ptr<File>> open_;
};

}  // namespace sluice::testing
