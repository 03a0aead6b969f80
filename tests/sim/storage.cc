#include "tests/sim/storage.h"

#include <algorithm>
#include <utility>

#include "engine/io/disk.h"

namespace sluice::sim {
namespace {

// Past it the oldest are written back, as a kernel would.
constexpr std::size_t kUnsyncedMax = 256;

std::uint64_t end_of(const SimFile::Write& write) { return write.offset + write.bytes.size(); }

bool overlap(const SimFile::Write& a, const SimFile::Write& b) { return a.offset < end_of(b) && b.offset < end_of(a); }

// What is there now came later than these writes: none of them may undo it.
void forget(SimFile& file, const SimFile::Write& newer) {
  std::vector<SimFile::Write> kept;
  for (SimFile::Write& write : file.unsynced) {
    if (!overlap(write, newer)) {
      kept.push_back(std::move(write));
      continue;
    }
    if (write.offset < newer.offset)
      kept.push_back({.offset = write.offset, .bytes = write.bytes.substr(0, newer.offset - write.offset)});
    if (end_of(write) > end_of(newer))
      kept.push_back({.offset = end_of(newer), .bytes = write.bytes.substr(end_of(newer) - write.offset)});
  }
  file.unsynced = std::move(kept);
}

}  // namespace

// ------------------------------------------------------------------------------------------ an image

void SimImage::write(std::uint64_t offset, std::string_view bytes) {
  grow(offset + bytes.size());
  while (!bytes.empty()) {
    const std::size_t at = offset % io::kDiskBlockBytes;
    const std::string_view part = bytes.substr(0, io::kDiskBlockBytes - at);
    std::string& block = blocks_[offset / io::kDiskBlockBytes];
    block.resize(io::kDiskBlockBytes);
    block.replace(at, part.size(), part);
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
}

std::string SimImage::read(std::uint64_t offset, std::size_t size) const {
  if (offset >= size_) return {};
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - offset)), '\0');
  const std::uint64_t end = offset + bytes.size();
  for (auto it = blocks_.lower_bound(offset / io::kDiskBlockBytes); it != blocks_.end(); ++it) {
    const std::uint64_t start = it->first * io::kDiskBlockBytes;
    if (start >= end) break;
    const std::uint64_t from = std::max(start, offset);
    const std::uint64_t to = std::min(start + io::kDiskBlockBytes, end);
    bytes.replace(from - offset, to - from, it->second, from - start, to - from);
  }
  return bytes;
}

void SimImage::flip(std::uint64_t offset, unsigned bit) {
  std::string byte = read(offset, 1);
  if (byte.empty()) return;
  byte[0] = static_cast<char>(static_cast<unsigned char>(byte[0]) ^ (1U << bit));
  write(offset, byte);
}

// ------------------------------------------------------------------------------------------ names

std::string SimStorage::clean(std::string_view path) {
  std::string text;
  for (const char c : path)
    if (c != '/' || !text.ends_with('/')) text.push_back(c);
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string SimStorage::directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<std::size_t>(slash, 1)));
}

SimFileRef SimStorage::find(const std::string& path) const {
  const auto it = current_.find(path);
  return it == current_.end() ? nullptr : it->second;
}

void SimStorage::apply(Names& names, const Change& change) {
  const auto from = names.find(change.from);
  if (from != names.end() && from->second == change.file) names.erase(from);
  if (!change.to.empty()) names[change.to] = change.file;
}

void SimStorage::change(Change change) {
  apply(current_, change);
  unsynced_.push_back(std::move(change));
}

void SimStorage::sync(const std::string& directory) {
  std::vector<Change> kept;
  for (Change& change : unsynced_) {
    if (directory_of(change.to.empty() ? change.from : change.to) != directory) {
      kept.push_back(std::move(change));
      continue;
    }
    apply(durable_, change);
    // It went from another directory: that it once came there does not matter any more.
    std::erase_if(kept, [&](const Change& older) { return older.to == change.from && older.file == change.file; });
  }
  unsynced_ = std::move(kept);
}

// ------------------------------------------------------------------------------------------ content

void SimStorage::write(SimFile& file, std::uint64_t offset, std::string_view bytes) {
  file.current.write(offset, bytes);
  file.unsynced.push_back({.offset = offset, .bytes = std::string(bytes)});
  if (file.unsynced.size() <= kUnsyncedMax) return;
  file.durable.write(file.unsynced.front().offset, file.unsynced.front().bytes);
  file.unsynced.erase(file.unsynced.begin());
}

void SimStorage::write_durably(SimFile& file, std::uint64_t offset, std::string_view bytes) {
  file.current.write(offset, bytes);
  file.durable.write(offset, bytes);
  forget(file, {.offset = offset, .bytes = std::string(bytes)});
}

void SimStorage::sync_content(SimFile& file) {
  for (const SimFile::Write& write : std::exchange(file.unsynced, {})) file.durable.write(write.offset, write.bytes);
}

template <typename Write>
void SimStorage::tear(const SimFile::Write& whole, Write write) {
  for (std::size_t at = 0; at < whole.bytes.size(); at += io::kDiskSectorBytes)
    if (context_.random.percent(50))
      write(whole.offset + at, std::string_view(whole.bytes).substr(at, io::kDiskSectorBytes));
}

void SimStorage::write_torn(SimFile& file, std::uint64_t offset, std::string_view bytes) {
  tear({.offset = offset, .bytes = std::string(bytes)},
       [&file](std::uint64_t at, std::string_view sector) { write(file, at, sector); });
}

std::uint64_t SimStorage::begin_write(const SimFileRef& file, std::uint64_t offset, std::string_view bytes) {
  UnderWay started{.file = file, .write = {.offset = offset, .bytes = std::string(bytes)}};
  for (const auto& [number, other] : under_way_)
    if (other.file == file && overlap(other.write, started.write))
      context_.broken("two writes to one place of a file at the same time");
  under_way_.emplace(next_write_, std::move(started));
  return next_write_++;
}

// ------------------------------------------------------------------------------------------ losses

// Any order, each lost, whole or torn.
void SimStorage::lose(SimFile& file) {
  std::vector<SimFile::Write> writes = std::exchange(file.unsynced, {});
  for (std::size_t i = writes.size(); i > 1; --i) std::swap(writes[i - 1], writes[context_.random.below(i)]);
  for (const SimFile::Write& write : writes) {
    switch (context_.random.below(3)) {
      case 0:
        break;
      case 1:
        file.durable.write(write.offset, write.bytes);
        break;
      default:
        tear(write, [&file](std::uint64_t at, std::string_view sector) { file.durable.write(at, sector); });
    }
  }
  file.current = file.durable;
}

void SimStorage::power_loss() {
  for (auto& [number, started] : std::exchange(under_way_, {}))
    started.file->unsynced.push_back(std::move(started.write));
  for (const Change& change : std::exchange(unsynced_, {}))
    if (context_.random.percent(50)) apply(durable_, change);
  current_ = durable_;
  std::set<const SimFile*> done;  // two names of one file
  for (const auto& [path, file] : current_)
    if (done.insert(file.get()).second) lose(*file);
}

void SimStorage::process_loss() {
  for (const auto& [number, started] : std::exchange(under_way_, {}))
    if (context_.random.percent(50)) write(*started.file, started.write.offset, started.write.bytes);
}

}  // namespace sluice::sim
