// A spool with many messages, made by the spool's own code as a relay would have left it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "engine/io/aligned.h"
#include "engine/io/disk.h"
#include "engine/spool/batch.h"
#include "engine/spool/segments.h"
#include "engine/spool/stored.h"

namespace sluice::bench {

struct LargeSpoolMessage {
  spool::QueueId id = 0;
  spool::Stored stored;  // content_bytes are counted
  message::DeliveryStatus status;
  std::string content;
};

inline void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// As many of `messages` as one batch takes, from `at` on; `make` gives each, by its number.
inline void fill_batch(spool::Batch& batch, std::uint64_t& at, std::uint64_t messages,
                       const std::function<LargeSpoolMessage(std::uint64_t)>& make) {
  constexpr std::size_t kRecordBytesMax = 4096;
  for (; at < messages && batch.fits(kRecordBytesMax); ++at) {
    LargeSpoolMessage message = make(at);
    message.stored.content_bytes = message.content.size();
    const std::string head = spool::encode_message(message.stored, message.status);
    must(head.size() + message.content.size() <= kRecordBytesMax, "a message is too long");
    Chain content;
    content.append_copy(message.content);
    batch.add(spool::RecordType::message, message.id, head, &content);
  }
}

// Into a directory that is there.  Ends the program where it cannot.
inline void write_spool(io::Disk& disk, const std::string& directory, std::uint64_t messages,
                        const std::function<LargeSpoolMessage(std::uint64_t)>& make) {
  constexpr std::uint32_t kSegmentBytes = 64U << 20;
  io::AlignedBytes memory(spool::kBatchBytesMax);
  spool::Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
  std::uint64_t written = 0;
  for (std::uint32_t number = 1; written < messages; ++number) {
    spool::FreeFile file{.name = "", .bytes = kSegmentBytes};
    auto segment = spool::begin_segment(disk, directory, file, {.number = number, .salt = number * 7919ULL});
    if (!segment) must(false, segment.error().text.c_str());
    std::uint32_t at = segment->used;
    while (written < messages && segment->bytes - at >= spool::kBatchBytesMax) {
      batch.begin(number, segment->salt, at, segment->bytes - at);
      fill_batch(batch, written, messages, make);
      const std::string_view bytes = batch.finish(1);
      must(disk.write(segment->file, at, bytes, /*durable=*/false).has_value(), "a segment cannot be written");
      at += static_cast<std::uint32_t>(bytes.size());
    }
    disk.close(segment->file);
  }
}

}  // namespace sluice::bench
