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

void Retained::begin(const message::Envelope& envelope, message::BodyForm form) {
  envelope_ = &envelope;
  form_ = form;
}

Task<void> Retained::add(const Chain& bytes) {
  if (!open_ || !kept_) co_return;
  for (std::size_t i = 0; i < bytes.extents(); ++i) {
    if (content_.extents() >= kSharedSmallMax && small(bytes[i])) {
      content_.append_copy(bytes[i].view());
    } else {
      content_.append(Extent(bytes[i]));
    }
  }
  if (content_.size() > (writer_ == nullptr ? bytes_max_ : kPieceBytes)) co_await hand_over();
  if (!memory_.cover(held())) co_await write_out();
}

// There is no memory for it now: all that is held goes to the disk.
Task<void> Retained::write_out() {
  co_await hand_over();
  if (kept_) kept_ = co_await writer_->write_out();
  if (!kept_) drop();
  static_cast<void>(memory_.cover(held()));
}

// What is held goes to the writer; kept_ says what came of it.
Task<void> Retained::hand_over() {
  if (writer_ == nullptr) {
    CHECK(envelope_ != nullptr);
    header_ = header_of(content_);
    writer_ = open_(*envelope_, form_);
  }
  if (!content_.empty()) kept_ = co_await writer_->append(std::exchange(content_, Chain()));
  if (!kept_) drop();
}

Task<MessageWriter::Result> Retained::keep(message::DeliveryStatus status) {
  CHECK(static_cast<bool>(open_));
  if (kept_) co_await hand_over();
  if (!kept_) co_return kept_;
  const auto writer = std::exchange(writer_, nullptr);
  co_return co_await writer->commit(std::move(status));
}

Task<MessageWriter::Result> Retained::keep_header(message::DeliveryStatus status) {
  if (header_.empty()) co_return std::unexpected("its header is too long");
  const std::unique_ptr<MessageWriter> writer = open_(*envelope_, form_);
  Chain bytes;
  bytes.append_copy(header_);
  if (MessageWriter::Result kept = co_await writer->append(std::move(bytes)); !kept) co_return kept;
  co_return co_await writer->commit(std::move(status));
}

void Retained::drop() {
  content_.clear();
  writer_ = nullptr;
  static_cast<void>(memory_.cover(0));
}

}  // namespace sluice::relay
