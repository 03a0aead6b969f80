// Messages that are still coming in.
#include <utility>

#include "engine/spool/spool.h"

namespace sluice::spool {

Task<std::expected<void, std::string>> Draft::append(Chain bytes) {
  if (!fault_.empty()) co_return std::unexpected(fault_);
  bytes_ += bytes.size();
  rest_.append(std::move(bytes));
  while (rest_.size() > kPieceBytesMax) {
    Chain piece;
    piece.move_front(rest_, kPieceBytesMax);
    const Location at = co_await spool_.store_piece(id_, piece, share_, purpose_);
    if (!at.present()) {
      fault_ = spool_.why_not_kept();
      rest_.clear();
      co_return std::unexpected(fault_);
    }
    pieces_.push_back(at);
    spool_.drafts_.emplace(id_, this);
  }
  co_return std::expected<void, std::string>();
}

Task<std::expected<void, std::string>> Draft::commit(Stored stored, const message::DeliveryStatus& status) {
  if (!fault_.empty()) co_return std::unexpected(fault_);
  stored.content_bytes = bytes_;
  // Those that they are now stay until the message is there.
  spool_.drafts_.erase(id_);
  stored.pieces = pieces_;
  auto kept = co_await spool_.store(id_, stored, status, rest_, purpose_);
  if (kept) {
    pieces_.clear();
  } else {
    forget();
  }
  rest_.clear();
  co_return kept;
}

void Draft::forget() {
  if (pieces_.empty()) return;
  spool_.drafts_.erase(id_);
  spool_.forget_pieces(pieces_);
  pieces_.clear();
}

}  // namespace sluice::spool
