// Finds a recipient that a transaction has already: clients name one twice, and a next hop would deliver to it twice,
// or not, as it likes. Owned by a transaction; core thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "engine/message/envelope.h"

namespace sluice::session {

class RecipientIndex {
 public:
  // The latest of `recipients` that is the same as `recipient`: local parts equal as they were written (RFC 5321 2.4:
  // only their own host may say more), domains as lower-case A-labels, and NOTIFY and ORCPT (RFC 3461), so that no DSN
  // that was asked for gets lost.  `recipients` are those of the last call, and more at the end.
  [[nodiscard]] std::optional<std::size_t> find(std::span<const message::Recipient> recipients,
                                                const message::Recipient& recipient);
  // Recipients from this number on are out of the list again.
  void forget(std::size_t from);

 private:
  absl::flat_hash_map<std::string, std::size_t> by_key_;
  std::size_t indexed_ = 0;
};

}  // namespace sluice::session
