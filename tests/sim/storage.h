// What a simulated disk holds: the files, each as it is on the disk and as it is read, and their
// names likewise.  Here is decided what a loss of power leaves. Owned by its SimDisk; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/context.h"

namespace sluice::sim {

// A file's bytes; blocks that were never written are zero and take no memory.
class SimImage {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void grow(std::uint64_t size) { size_ = std::max(size_, size); }
  void write(std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] std::string read(std::uint64_t offset,
                                 std::size_t size) const;  // shorter at the end
  void flip(std::uint64_t offset, unsigned bit);

 private:
  std::map<std::uint64_t, std::string> blocks_;  // by their number
  std::uint64_t size_ = 0;
};

struct SimFile {
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  SimImage durable;             // what is on the disk
  SimImage current;             // what is read
  std::vector<Write> unsynced;  // the difference, oldest first
  bool locked = false;
  bool regular = true;
  bool own = true;
  std::uint32_t links = 1;
};

using SimFileRef = std::shared_ptr<SimFile>;

class SimStorage {
 public:
  explicit SimStorage(SimContext& context) : context_(context) {}

  // Paths, here and below, are clean: no "//", no "/" at the end.
  static std::string clean(std::string_view path);
  static std::string directory_of(std::string_view path);

  // Names.  A change is on the disk after sync() of the directory; a rename after that of the new
  // name's.
  [[nodiscard]] bool is_directory(const std::string& path) const { return directories_.contains(path); }
  void make_directory(const std::string& path) { directories_.insert(path); }  // durable at once
  [[nodiscard]] SimFileRef find(const std::string& path) const;                // null
  [[nodiscard]] const std::map<std::string, SimFileRef>& files() const { return current_; }
  [[nodiscard]] const std::set<std::string>& directories() const { return directories_; }
  void create(const std::string& path, const SimFileRef& file) { change({.from = "", .to = path, .file = file}); }
  void rename(const std::string& from, const std::string& to) { change({.from = from, .to = to, .file = find(from)}); }
  void remove(const std::string& path) { change({.from = path, .to = "", .file = find(path)}); }
  void sync(const std::string& directory);

  // Content.
  static void write(SimFile& file, std::uint64_t offset, std::string_view bytes);
  static void write_durably(SimFile& file, std::uint64_t offset, std::string_view bytes);
  static void sync_content(SimFile& file);
  // Some of its sectors, not durably.
  void write_torn(SimFile& file, std::uint64_t offset, std::string_view bytes);
  // Writes that are under way; a second one to the same place is a mistake of the program's.
  std::uint64_t begin_write(const SimFileRef& file, std::uint64_t offset, std::string_view bytes);
  void end_write(std::uint64_t number) { under_way_.erase(number); }

  // What was durable stays; of the rest, and of what is under way, anything may.
  void power_loss();
  // What is under way may happen or not; all else stays as it is read.
  void process_loss();

 private:
  struct Change {
    std::string from;  // empty: a new file
    std::string to;    // empty: removed
    SimFileRef file;
  };
  struct UnderWay {
    SimFileRef file;
    SimFile::Write write;
  };
  using Names = std::map<std::string, SimFileRef>;
  static void apply(Names& names, const Change& change);
  void change(Change change);
  void lose(SimFile& file);
  template <typename Write>
  void tear(const SimFile::Write& whole, Write write);

  SimContext& context_;
  std::set<std::string> directories_{"/", "."};
  Names durable_;
  Names current_;
  std::vector<Change> unsynced_;  // the difference, oldest first
  std::map<std::uint64_t, UnderWay> under_way_;
  std::uint64_t next_write_ = 1;
};

}  // namespace sluice::sim
