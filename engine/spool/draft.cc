// Messages that are still coming in.
#include <utility>

#include "engine/spool/spool.h"

namespace sluice::spool {
namespace {

// A quarter of a gigabyte in the shortest ones: what a message record can name is far from used up.
constexpr std::size_t kShortPiecesMax = 4096;

}  // namespace

Task<std::expected<void, std::string>> Draft::append(Chain bytes) {
  if (!fault_.empty()) co_return std::unexpected(fault_);
  bytes_ += bytes.size();
  rest_.append(std::move(bytes));
  while (rest_.size() > kPieceBytesMax)
    if (auto written = co_await write_piece(kPieceBytesMax); !written) co_return written;
  co_return std::expected<void, std::string>();
}

Task<std::expected<void, std::string>> Draft::write_out() {
  if (!fault_.empty()) co_return std::unexpected(fault_);
  // From then on only whole ones: a message is not refused because it has too many.
  if (rest_.empty() || pieces_.size() >= kShortPiecesMax) co_return std::expected<void, std::string>();
  co_return co_await write_piece(rest_.size());
}

Task<std::expected<void, std::string>> Draft::write_piece(std::size_t bytes) {
  Chain piece;
  piece.move_front(rest_, bytes);
  const Location at = co_await spool_.store_piece(id_, piece, share_, purpose_);
  if (!at.present()) {
    fault_ = spool_.why_not_kept();
    rest_.clear();
    co_return std::unexpected(fault_);
  }
  pieces_.push_back(at);
  spool_.drafts_.emplace(id_, this);
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
