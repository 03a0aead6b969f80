// A spool with many messages, made by the spool's own code as a relay would have left it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/io/aligned.h"
#include "engine/io/disk.h"
#include "engine/spool/batch.h"
#include "engine/spool/segments.h"
#include "engine/spool/stored.h"

namespace sluice::bench {

struct LargeSpool {
  std::uint64_t messages = 0;
  WallMillis arrived = 0;
  // One in so many is due at once, the others at `later`.
  std::uint64_t one_due_in = 1;
  WallMillis later = 0;
};

inline constexpr std::size_t kDomains = 1000;
inline constexpr std::size_t kCustomers = 500;
inline constexpr std::size_t kSenders = 5000;

// One message of about a kilobyte, with a status that says it was tried before.
inline void add_message(spool::Batch& batch, std::uint64_t id, const LargeSpool& spool, const std::string& body) {
  spool::Stored stored;
  stored.envelope.reverse_path = "user" + std::to_string(id % kSenders) + "@customer.example";
  stored.envelope.recipients.push_back({.forward_path = "someone@d" + std::to_string(id % kDomains) + ".example"});
  stored.submitter = {.customer = "customer-" + std::to_string(id % kCustomers), .account = "user@customer.example"};
  stored.arrived = spool.arrived;
  stored.content_bytes = body.size();
  message::DeliveryStatus status{.tries = 1, .due = id % spool.one_due_in == 0 ? spool.arrived : spool.later};
  status.recipients.resize(1);
  status.add({.at = 1000, .next_hop = "mx.example:25", .recipients = 1, .code = 451, .text = "4.3.0 try again later"});
  Chain content;
  content.append_copy(body);
  batch.add(spool::RecordType::message, id, spool::encode_message(stored, status), &content);
}

inline void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// Into a directory that is there.  Ends the program where it cannot.
inline void write_spool(io::Disk& disk, const std::string& directory, const LargeSpool& spool) {
  constexpr std::uint32_t kSegmentBytes = 64U << 20;
  constexpr std::size_t kRecordBytesMax = 4096;
  io::AlignedBytes memory(spool::kBatchBytesMax);
  spool::Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
  const std::string body = "Subject: Later\r\n\r\n" + std::string(700, 'x') + "\r\n";
  std::uint64_t id = 1;
  for (std::uint32_t number = 1; id <= spool.messages; ++number) {
    auto segment = spool::begin_segment(disk, directory, "", {.number = number, .salt = number * 7919ULL}, kSegmentBytes);
    if (!segment) must(false, segment.error().text.c_str());
    std::uint32_t at = segment->used;
    while (id <= spool.messages && segment->bytes - at >= spool::kBatchBytesMax) {
      batch.begin(number, segment->salt, at, segment->bytes - at);
      for (; id <= spool.messages && batch.fits(kRecordBytesMax); ++id) add_message(batch, id, spool, body);
      const std::string_view bytes = batch.finish(1);
      must(disk.write(segment->file, at, bytes, /*durable=*/false).has_value(), "a segment cannot be written");
      at += static_cast<std::uint32_t>(bytes.size());
    }
    disk.close(segment->file);
  }
}

}  // namespace sluice::bench
