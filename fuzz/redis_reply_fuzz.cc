// Checks that whatever a Redis sends:
//   - it is read the same in whatever parts it comes, and within the bounds of a reply;
//   - a lease reply grants no more than was wanted, and nothing while nodes report;
//   - a reply of the use function has figures of each meter that was asked for;
//   - a reply of the share function has a bounded number of messages, and names entries of streams;
//   - a redirection, a Sentinel's answer and a meter's name are clean, and a name comes back as it was.
// Input: the bytes; the first is the size of the parts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "policy/cluster/redis_client.h"
#include "policy/cluster/share_protocol.h"
#include "policy/cluster/use_protocol.h"

namespace {

using namespace sluice::policy;

constexpr std::size_t kRepliesMax = 64;

void check_server(const ClusterServer& server) {
  CHECK(server.port != 0 && !server.host.empty() && !server.is_path());
  CHECK(std::ranges::all_of(server.host, [](char c) { return c > ' ' && c <= '~'; }));
}

void check_reply(const RedisReply& reply) {
  const LeaseCall call{.epoch = "7", .wanted = 10, .least = 1};
  if (const auto lease = parse_lease_reply(reply, call)) {
    CHECK(lease->granted <= call.wanted && (lease->granted == 0 || lease->wait_ms == 0));
    CHECK(lease->status != LeaseReply::Status::other_epoch || lease->epoch != call.epoch);
    CHECK(lease->status == LeaseReply::Status::done || lease->granted == 0);
  }
  const UseCall use_call{.meters = {{.name = "ann"}}};
  if (const auto use = parse_use_reply(reply, use_call))
    CHECK(use->meters.size() == use_call.meters.size() && use->wait_ms >= 0);
  if (const auto share = parse_share_reply(reply)) {
    CHECK(!share->epoch.empty() &&
          share->log.size() + share->steps.size() + share->sending.size() <= ShareReply::kMessagesMax);
    CHECK(!share->more || !share->log.empty() || !share->steps.empty() || !share->sending.empty());
    for (const std::string* id : {&share->log_read, &share->steps_read, &share->sending_read})
      CHECK(std::ranges::all_of(*id, [](char c) { return c == '-' || (c >= '0' && c <= '9'); }));
  }
  if (const auto redirection = parse_redirection(reply, {.host = "192.0.2.1", .port = 1}))
    check_server(redirection->server);
  if (const auto master = parse_master(reply)) check_server(*master);
  if (const auto meter = parse_meter(reply.text)) CHECK(meter_text(*meter) == reply.text);
  CHECK(reply.elements.size() <= RedisReader::kElementsMax);
  for (const RedisReply& each : reply.elements) check_reply(each);
}

// What was read, in one text, and where it went wrong.
std::string read(std::string_view bytes, std::size_t part) {
  RedisReader reader;
  std::string seen;
  for (std::size_t at = 0, replies = 0; at < bytes.size() && replies < kRepliesMax;) {
    const std::string_view piece = bytes.substr(at, part);
    at += piece.size();
    auto reply = reader.next(piece);
    while (reply && *reply) {
      check_reply(**reply);
      seen +=
          std::to_string(static_cast<int>((*reply)->kind)) + (*reply)->text + std::to_string((*reply)->integer) + ";";
      if (++replies == kRepliesMax) return seen;
      reply = reader.next({});
    }
    if (!reply) return seen + "!";
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Beyond the bound of a reply it matters in which parts it comes.
  if (size < 2 || size > RedisReader::kReplyBytesMax) return 0;
  const std::string bytes(data + 1, data + size);
  CHECK(read(bytes, data[0] + std::size_t{1}) == read(bytes, bytes.size()));
  return 0;
}
