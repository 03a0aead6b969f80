#include "engine/relay/retained.h"

#include <string>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace sluice::relay {
namespace {

// A small extent pins a block that may be a receive buffer: past the first few such ones it is copied.
constexpr std::size_t kSharedSmallMax = 4;

bool small(const Extent& extent) { return extent.block->capacity > 4 * extent.size; }

// The header at the start of the content, with its empty line; empty where it is longer than kHeaderBytesMax.
std::string header_of(const Chain& content) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::string front;
  for (std::size_t i = 0; i < content.extents() && front.size() < Retained::kHeaderBytesMax; ++i)
    front += content[i].view();
  const std::size_t end = front.find(kEnd);
  return end == std::string::npos ? std::string() : front.substr(0, end + kEnd.size());
}

}  // namespace

Retained::~Retained() { CHECK(keeper_ == nullptr); }

void Retained::begin(const message::Envelope& envelope, message::BodyForm form) {
  envelope_ = &envelope;
  form_ = form;
}

Task<void> Retained::add(const Chain& bytes) {
  if (leftover_ == nullptr || lost_) co_return;
  for (std::size_t i = 0; i < bytes.extents(); ++i) {
    if (content_.extents() >= kSharedSmallMax && small(bytes[i])) {
      content_.append_copy(bytes[i].view());
    } else {
      content_.append(Extent(bytes[i]));
    }
  }
  if (content_.size() > (keeper_ == nullptr ? bytes_max_ : kPieceBytes))
    static_cast<void>(co_await hand_over());  // lost_ says what came of it
}

// What is held goes to the keeper, who is found first where there is none.
Task<bool> Retained::hand_over() {
  bool taken = true;
  if (keeper_ == nullptr) {
    CHECK(envelope_ != nullptr);
    header_ = header_of(content_);
    keeper_ = leftover_->make_keeper();
    taken = keeper_ != nullptr && co_await keeper_->begin(*envelope_, form_);
  }
  if (taken && !content_.empty()) taken = co_await keeper_->append(std::exchange(content_, Chain()));
  if (!taken) {
    keeper_ = nullptr;
    content_.clear();
    lost_ = true;
  }
  co_return taken;
}

Task<bool> Retained::keep(message::DeliveryStatus status) {
  if (leftover_ == nullptr || lost_ || !co_await hand_over()) co_return false;
  const auto keeper = std::exchange(keeper_, nullptr);
  co_return co_await keeper->commit(std::move(status));
}

Task<bool> Retained::keep_header(message::DeliveryStatus status) {
  if (header_.empty()) co_return false;
  const std::unique_ptr<Keeper> keeper = leftover_->make_keeper();
  if (keeper == nullptr || !co_await keeper->begin(*envelope_, form_)) co_return false;
  Chain bytes;
  bytes.append_copy(header_);
  co_return co_await keeper->append(std::move(bytes)) && co_await keeper->commit(std::move(status));
}

Task<void> Retained::drop() {
  content_.clear();
  if (keeper_ == nullptr) co_return;
  const auto keeper = std::exchange(keeper_, nullptr);
  co_await keeper->abandon();
}

}  // namespace sluice::relay
