// Messages that are still coming in.
#include "engine/base/check.h"
#include "engine/spool/spool.h"

namespace sluice::spool {

Draft::~Draft() { CHECK(pieces_.empty()); }

Task<bool> Draft::append(Chain bytes) {
  if (failed_) co_return false;
  bytes_ += bytes.size();
  rest_.append(std::move(bytes));
  while (rest_.size() > kPieceBytesMax && !failed_) {
    Chain piece;
    piece.move_front(rest_, kPieceBytesMax);
    const Location at = co_await spool_.store_piece(id_, piece, share_, purpose_);
    failed_ = !at.present();
    if (!failed_) pieces_.push_back(at);
    if (!failed_) spool_.drafts_.emplace(id_, this);
  }
  if (failed_) rest_.clear();
  co_return !failed_;
}

Task<bool> Draft::commit(Stored stored, const message::DeliveryStatus& status) {
  bool kept = false;
  if (!failed_) {
    stored.content_bytes = bytes_;
    // Those that they are now stay until the message is there.
    spool_.drafts_.erase(id_);
    stored.pieces = pieces_;
    kept = co_await spool_.store(id_, stored, status, rest_, purpose_);
  }
  if (kept) {
    pieces_.clear();
  } else {
    abandon();
  }
  rest_.clear();
  co_return kept;
}

void Draft::abandon() {
  spool_.drafts_.erase(id_);
  spool_.forget_pieces(pieces_);
  pieces_.clear();
  rest_.clear();
}

}  // namespace sluice::spool
