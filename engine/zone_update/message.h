// The messages that a zone is read and changed with: zone transfer (AXFR, RFC 5936) and update (RFC 2136), signed both
// ways with TSIG (RFC 8945).  The messages are ldns's.  No calls that block, but the signature reads the clock.  One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/zone_update/tsig_key.h"
#include "engine/zone_update/zone_texts.h"

namespace sluice::zone_update {

// Of one message: what a name server takes in any case, far from the 65,535 bytes that there can be.
inline constexpr std::size_t kChangesMax = 100;

// A message for the server, and what its answer is known by.
struct Question {
  std::string wire;
  std::string mac;
  std::uint16_t id = 0;
};

// How many of `changes`, from the first on, fit into one message: at least one of them.
[[nodiscard]] std::size_t changes_that_fit(std::span<const TextChange> changes);

// At most as many as fit.  The error is a sentence: a name is none, or a text is too long.
[[nodiscard]] std::expected<Question, std::string> make_update(const std::string& zone,
                                                               std::span<const TextChange> changes, std::uint32_t ttl_s,
                                                               const TsigKey& key, std::uint16_t id);
[[nodiscard]] std::expected<Question, std::string> make_transfer(const std::string& zone, const TsigKey& key,
                                                                 std::uint16_t id);

// That the server has done it.  The error is a sentence with the server's code, and what to do.
[[nodiscard]] std::expected<void, std::string> check_update_answer(std::string_view wire, const Question& question,
                                                                   const TsigKey& key);

// The answer to a transfer, a message at a time.
class TransferReader {
 public:
  // What is referred to outlives it.
  TransferReader(const Question& question, const TsigKey& key, std::function<void(const ZoneText&)> on_text)
      : key_(key), on_text_(std::move(on_text)), mac_(question.mac), id_(question.id) {}
  // True: it was the last one.  An error ends it: a sentence, as above.
  [[nodiscard]] std::expected<bool, std::string> take(std::string_view wire);

 private:
  const TsigKey& key_;
  const std::function<void(const ZoneText&)> on_text_;
  std::string mac_;  // of the message before
  std::uint16_t id_;
  bool first_ = true;
};

}  // namespace sluice::zone_update
