// Hashes what a chain holds in turns of the core's loop: a long piece holds up other tasks for no longer than one of
// them.
//   for (HashTurns turns(bytes); turns.feed(content);) co_await signer.next_turn();
// The chain stays as it is meanwhile.  One thread at a time.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/base/buffer.h"

namespace sluice::signing {

class HashTurns {
 public:
  // What is hashed in one turn, as much as a receive buffer holds: 10 us, of nothing but short lines that begin with
  // dots 50.  A turn may have the end of one chain and the beginning of the next.
  static constexpr std::size_t kTurnBytes = 16 * 1024;

  explicit HashTurns(const Chain& bytes) : bytes_(bytes) {}

  // Feeds `content` with the next part.  True: there is more.
  template <typename Content>
  [[nodiscard]] bool feed(Content& content) {
    std::size_t left = kTurnBytes;
    for (; extent_ < bytes_.extents(); ++extent_, done_ = 0) {
      if (left == 0) return true;
      const std::string_view part = bytes_[extent_].view().substr(done_, left);
      content.feed(part);
      left -= part.size();
      done_ += part.size();
      if (done_ < bytes_[extent_].view().size()) return true;
    }
    return false;
  }

 private:
  const Chain& bytes_;
  std::size_t extent_ = 0;
  std::size_t done_ = 0;  // of that extent
};

}  // namespace sluice::signing
