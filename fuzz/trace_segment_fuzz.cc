// Checks that a segment of the trace and its index, be they forged or damaged, are searched within their bounds, and
// that the block of a message is found in a segment whatever stands behind it. Input: the size of the index (two
// bytes), the index, a segment.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/event/events.h"
#include "engine/io/real_platform.h"
#include "engine/trace/search.h"

namespace {

using namespace sluice;
using namespace sluice::trace;

constexpr std::string_view kId = "0SB1";

class Directory {
 public:
  Directory() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  void put(std::string_view blocks, std::string_view index) const {
    write(blocks_path(path_, 1), blocks);
    if (index.empty())
      std::filesystem::remove(index_path(path_, 1));
    else
      write(index_path(path_, 1), index);
  }
  // How many messages are found.
  [[nodiscard]] std::size_t find(Query query) const {
    auto search = TraceSearch::open(*disk_, path_, std::move(query));
    CHECK(search.has_value());
    std::size_t found = 0;
    const auto count = [&found](const TracedMessage& message) {
      CHECK(message.events.size() > 0);
      ++found;
      return true;
    };
    search->run(count);
    CHECK(search->follow(count).has_value());
    return found;
  }

 private:
  static void write(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // In memory where there is such a place, as each input takes three files.
  static std::string place() {
    const std::filesystem::path memory = "/dev/shm";
    const bool there = ::access(memory.c_str(), W_OK) == 0;
    return (there ? memory : std::filesystem::temp_directory_path()) / ("fuzz-trace-" + std::to_string(::getpid()));
  }
  const std::string path_ = place();
  const std::unique_ptr<io::Disk> disk_ = io::make_real_disk();
};

std::string one_message() {
  BlockWriter writer;
  const event::Message message{.id = kId, .verdict = "taken", .to = "ralph@example.com", .reply = "2.0.0 Ok"};
  const auto values = event::values_of(message);
  writer.add({.at = 1000,
              .kind = event::Message::kKind,
              .severity = event::Message::kSeverity,
              .row = event::row_of(event::Message::kKind),
              .values = values});
  return writer.finish();
}

// An index whose sums are right, of blocks that need not be there.
std::string forged_index(std::string_view bytes, std::uint64_t segment_bytes) {
  constexpr std::size_t kWords = 7;
  std::vector<BlockEntry> blocks;
  std::vector<KeyEntry> entries;
  for (; bytes.size() >= kWords * sizeof(std::uint32_t); bytes.remove_prefix(kWords * sizeof(std::uint32_t))) {
    std::array<std::uint32_t, kWords> words{};
    std::memcpy(words.data(), bytes.data(), sizeof words);
    entries.push_back({.hash = words[0] % 2 == 0 ? key_hash(KeyKind::id, kId) : words[0], .block = words[1] % 64});
    blocks.push_back({.offset = words[2] % 3 == 0 ? 0 : std::uint64_t{words[2]} << (words[3] % 32),
                      .bytes = words[4] % 64 == 0 ? words[4] : words[4] % 4096,  // large ones take long
                      .events = words[5],
                      .first_at = words[6],
                      .last_at = WallMillis{words[3]} << 20});
  }
  return make_index(blocks, entries, segment_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  static const std::string message = one_message();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 2) return 0;
  const std::size_t index_bytes = std::min<std::size_t>(data[0] | std::size_t{data[1]} << 8U, size - 2);
  const std::string_view index = input.substr(2, index_bytes);
  const std::string blocks(input.substr(2 + index_bytes));
  const Query by_id{.keys = {{.kind = KeyKind::id, .value = std::string(kId)}}};
  switch (data[0] % 3) {
    case 0:
      directory.put(blocks, index);
      static_cast<void>(directory.find({}));
      break;
    case 1:
      directory.put(blocks + message, forged_index(index, blocks.size() + message.size()));
      static_cast<void>(directory.find(by_id));
      static_cast<void>(
          directory.find({.keys = {{.kind = KeyKind::verdict, .value = "taken"}}, .words = "ok", .since = 0}));
      break;
    default:
      directory.put(message + blocks, {});
      CHECK(directory.find(by_id) >= 1);
  }
  return 0;
}
