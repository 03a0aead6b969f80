// Checks that a block of the trace, be it forged or damaged, is read within its bounds or not at all, and that a block
// which BlockWriter made of two events has exactly these. Input: a block, a payload, what a payload has in it, and
// texts of events.
#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/event/events.h"
#include "engine/trace/block.h"

namespace {

using namespace sluice;
using namespace sluice::trace;

// Everything that is in it, so that a view beyond its end is noticed.
std::size_t look_at(const StoredBlock& block) {
  std::size_t bytes = 0;
  for (const StoredEvent& event : block.events()) {
    bytes += event.type->name.size();
    for (std::size_t i = 0; i < event.values.size(); ++i) {
      CHECK(i < event.type->keys.size() && i < event.type->roles.size());
      const auto* const text = std::get_if<std::string_view>(&event.values[i]);
      if (text != nullptr)
        for (const char c : *text) bytes += static_cast<unsigned char>(c);
    }
  }
  return bytes;
}

void read_any(std::string_view input) {
  auto head = read_block_head(input);
  if (!head || head->bytes() > input.size()) return;
  const std::string_view keys = input.substr(kBlockHeadBytes, head->keys_bytes);
  if (const auto hashes = read_block_keys(*head, keys)) CHECK(hashes->size() == head->keys);
  if (const auto block =
          StoredBlock::read(*head, input.substr(kBlockHeadBytes + head->keys_bytes, head->payload_bytes)))
    (void)look_at(*block);
}

// With sums that are right, and as what a payload has in it once it is not compressed any more.
void read_forged(std::string_view input) {
  BlockHead head{.payload_bytes = static_cast<std::uint32_t>(input.size()),
                 .raw_bytes = static_cast<std::uint32_t>(kBlockRawBytesMax),
                 .events = 4,
                 .payload_crc = crc32c(0, input)};
  if (const auto block = StoredBlock::read(head, input)) (void)look_at(*block);
  std::string payload(ZSTD_compressBound(input.size()), '\0');
  const std::size_t size = ZSTD_compress(payload.data(), payload.size(), input.data(), input.size(), 1);
  CHECK(ZSTD_isError(size) == 0);
  payload.resize(size);
  head.payload_bytes = static_cast<std::uint32_t>(size);
  head.raw_bytes = static_cast<std::uint32_t>(input.size());
  head.payload_crc = crc32c(0, payload);
  for (const std::uint32_t events : {0U, 1U, 2U, 3U}) {
    head.events = events;
    if (const auto block = StoredBlock::read(head, payload)) (void)look_at(*block);
  }
}

void write_and_read(std::string_view text) {
  BlockWriter writer;
  const std::string_view first = text.substr(0, text.size() / 2);
  const event::SessionEnded ended{.reason = first, .client = text.substr(text.size() / 2)};
  const event::Message message{.id = first, .verdict = "taken", .to = text, .reply = text};
  for (const WallMillis at : {WallMillis{2000}, WallMillis{1000}}) {
    const auto add = [&](const auto& event) {
      using Type = std::remove_cvref_t<decltype(event)>;
      const auto values = event::values_of(event);
      writer.add({.at = at,
                  .kind = Type::kKind,
                  .severity = Type::kSeverity,
                  .row = event::row_of(Type::kKind),
                  .values = values});
    };
    at == 2000 ? add(ended) : add(message);
  }
  const std::string made = writer.finish();
  const auto head = read_block_head(made);
  CHECK(head && head->bytes() == made.size() && head->events == 2 && head->first_at == 1000 && head->last_at == 2000);
  const auto block = StoredBlock::read(*head, std::string_view(made).substr(kBlockHeadBytes + head->keys_bytes));
  CHECK(block != nullptr && block->events().size() == 2);
  CHECK(block->events()[0].text("reason") == first && block->events()[1].text("to") == text);
  read_any(made);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read_any(input);
  read_forged(input);
  write_and_read(input.substr(0, 900));
  return 0;
}
