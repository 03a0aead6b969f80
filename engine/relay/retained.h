// The content of a message on its way through, for as long as the next hop may still fail: in memory, where it shares
// the blocks that are under way, up to a bound; what is more goes to a Keeper.  Without a Leftover nothing is retained.
// Owned by one taker; core thread only.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/relay/leftover.h"

namespace sluice::relay {

class Retained {
 public:
  // Pieces that go to a keeper, once some have.
  static constexpr std::size_t kPieceBytes = 256 * 1024;
  // Of a header that is looked for in the content.
  static constexpr std::size_t kHeaderBytesMax = 64 * 1024;

  Retained(Leftover* leftover, std::size_t bytes_max) : leftover_(leftover), bytes_max_(bytes_max) {}
  ~Retained();
  Retained(const Retained&) = delete;
  Retained& operator=(const Retained&) = delete;

  // `envelope` outlives this.
  void begin(const message::Envelope& envelope, message::BodyForm form);
  // Returns when more may come.
  Task<void> add(const Chain& bytes);
  // All of it is there.  True: safely kept.
  Task<bool> keep(message::DeliveryStatus status);
  // Where keep() has failed, as on a full disk: the header alone, which is enough for a DSN where nobody waits for the
  // message.
  Task<bool> keep_header(message::DeliveryStatus status);
  Task<void> drop();

  // For tests: the bound on it.
  [[nodiscard]] std::size_t in_memory() const { return content_.size(); }

 private:
  Task<bool> hand_over();

  Leftover* leftover_;
  std::size_t bytes_max_;
  const message::Envelope* envelope_ = nullptr;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  Chain content_;
  std::unique_ptr<Keeper> keeper_;
  std::string header_;  // with its empty line, once something went to a keeper
  bool lost_ = false;   // no keeper took it
};

}  // namespace sluice::relay
