// Checks that content made 7-bit is 7-bit, whatever it was, however it was cut, that making
// it so once more changes nothing, and that the memory it takes is bounded. Input: a byte that seeds the cuts, then
// lines: LF becomes CRLF, as content never has a bare one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/message/seven_bit.h"
#include "engine/smtp/ascii.h"

namespace {

using sluice::message::SevenBit;

struct Converted {
  std::string text;
  bool failed = false;
};

Converted convert(std::string_view text, std::uint32_t seed) {
  Converted result;
  SevenBit machine;
  while (!text.empty()) {
    seed = seed * 1'103'515'245 + 12'345;
    const std::size_t size = seed == 0 ? text.size() : std::min<std::size_t>(text.size(), 1 + (seed >> 16) % 90);
    machine.feed(text.substr(0, size), result.text);
    text.remove_prefix(size);
  }
  machine.finish(result.text);
  result.failed = machine.failed();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string text;
  for (const std::uint8_t byte : std::basic_string_view(data + 1, size - 1)) {
    if (byte == '\r') continue;
    if (byte == '\n') text += '\r';
    text += static_cast<char>(byte);
  }
  SevenBit machine;
  Converted whole;
  machine.feed(text, whole.text);
  machine.finish(whole.text);
  whole.failed = machine.failed();
  const Converted pieces = convert(text, data[0]);
  CHECK(whole.failed == pieces.failed);
  if (whole.failed) return 0;
  CHECK(whole.text == pieces.text);
  // The shortest part that there is gets two fields.
  CHECK(whole.text.size() <= 32 * text.size() + 4096);

  CHECK(!sluice::smtp::has_eight_bit(whole.text));
  if (text.size() < SevenBit::kLeafBytesHeld / 4) CHECK(convert(whole.text, data[0] + 1U).text == whole.text);
  return 0;
}
