// Checks that a spool's segments may hold anything: scanning, decoding, recovery and the reader end, say the same of
// the same bytes, and find nothing but what checks.  Input: a byte that says how many segments there are, how they
// are cut and whether frames are sealed anew, so that hostile payloads get behind the checksum; then the segments'
// bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/spool/reader.h"
#include "engine/spool/recovery.h"
#include "tests/support/memory_disk.h"

namespace {

using namespace sluice;
using namespace sluice::spool;

constexpr std::uint64_t kSalt = 0x5a17;
constexpr const char* kDirectory = "/spool";

// Gives every eighth byte that could begin a frame the checksum that it would need: a fuzzer cannot guess it.
void seal_all(std::string& file) {
  for (std::uint32_t at = kBlockBytes; at + kFrameHeaderBytes <= file.size();) {
    const std::string_view rest = std::string_view(file).substr(at);
    std::uint32_t payload = 0;
    std::memcpy(&payload, rest.data() + 4, sizeof payload);
    const auto type = static_cast<std::uint8_t>(rest[8]);
    const bool plausible = type >= 1 && type <= 5 && payload <= kPayloadBytesMax && frame_bytes(payload) <= rest.size();
    if (!plausible) {
      at += kFrameAlign;
      continue;
    }
    std::uint64_t id = 0;
    std::memcpy(&id, rest.data() + 16, sizeof id);
    seal_frame(file.data() + at, static_cast<RecordType>(type), id, payload, at, kSalt);
    at += frame_bytes(payload);
  }
}

std::string make_segment(std::uint32_t number, std::string_view bytes, bool seal) {
  std::string file = write_segment_head({.number = number, .salt = kSalt, .created_ms = 1});
  file += bytes;
  if (seal) seal_all(file);
  return file;
}

// Whatever was found is consistent: each message's records lie in its core's segments, and are counted there.
void check_shares(const std::vector<Share>& shares, io::Disk& disk) {
  for (const Share& share : shares) {
    std::map<std::uint32_t, std::uint64_t> needed;
    for (const auto& [id, entry] : share.index) {
      CHECK(entry.message.present());
      ++needed[entry.message.segment];
      if (const auto at = share.pieces.find(id); at != share.pieces.end())
        for (const Location& piece : at->second) ++needed[piece.segment];
    }
    for (const Segment& segment : share.segments) {
      CHECK(segment.needed == needed[segment.number]);
      needed.erase(segment.number);
      disk.close(segment.file);
    }
    CHECK(std::ranges::all_of(needed, [](const auto& left) { return left.second == 0; }));
  }
}

std::map<QueueId, std::uint64_t> recover(testing::MemoryDisk& disk, std::size_t cores) {
  std::map<QueueId, std::uint64_t> found;
  Recovery recovery(disk, kDirectory, [](const std::string&) {});
  const auto ran = recovery.run([&](const Recovered& message) {
    CHECK(found.emplace(message.id, message.stored.content_bytes).second);
    CHECK(message.status.recipients.size() == message.stored.envelope.recipients.size());
    // What was decoded can be written again, and means the same.
    const std::string again = encode_message(message.stored, message.status);
    if (!again.empty()) {
      std::uint64_t in_pieces = 0;
      for (const Location& piece : message.stored.pieces) in_pieces += piece.payload;
      const std::uint64_t rest = message.stored.content_bytes - in_pieces;
      CHECK(rest <= kPayloadBytesMax);
      const std::string whole = again + std::string(rest, 'x');
      const auto decoded = decode_message(message.id, whole);
      CHECK(decoded && decoded->status == message.status && decoded->stored.pieces == message.stored.pieces);
    }
  });
  if (!ran) return found;
  CHECK(recovery.counts().messages == found.size());
  check_shares(recovery.divide(cores), disk);
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned options = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t segments = 1 + (options & 3U);
  const std::size_t each = bytes.size() / segments;
  testing::MemoryDisk disk;
  disk.file(std::string(kDirectory) + "/format").bytes = "sluice-spool 1\n";
  for (std::size_t i = 0; i < segments; ++i) {
    const auto number = static_cast<std::uint32_t>(i + 1);
    disk.file(std::string(kDirectory) + "/" + segment_name(number)).bytes =
        make_segment(number, bytes.substr(i * each, each), (options & 4U) != 0);
  }
  const auto counts = read_spool(disk, kDirectory, [](const ReadRecord&) {});
  CHECK(counts && counts->segments == segments);
  const auto once = recover(disk, 1 + (options >> 3U) % 7);
  CHECK(recover(disk, 1) == once);
  CHECK(once.size() <= counts->messages);
  CHECK(disk.files_open() == 0);
  return 0;
}
