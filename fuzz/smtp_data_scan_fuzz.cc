// Checks that the block scanner ends content where the byte-by-byte reference does, with the same
// content and the same flags, however the bytes are split; and that dot-stuffing does what its
// reference does and can be undone; and that making CRLF of bare LFs ends no message early. Input: one byte of split
// size, then what follows DATA.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/smtp/scan.h"
#include "tests/unit/smtp/naive_scan.h"

namespace sluice::smtp {
namespace {

void check_flags(const ContentFlags& got, const ContentFlags& want) {
  CHECK(got.bare_cr == want.bare_cr && got.bare_lf == want.bare_lf && got.nul == want.nul);
  CHECK(got.eight_bit == want.eight_bit && got.long_line == want.long_line);
  CHECK(!want.bare() || got.bare_offset == want.bare_offset);
}

void check_data(std::string_view bytes, std::size_t split) {
  const NaiveScan want = naive_scan(bytes);
  DataScanner scanner;
  std::string content;
  std::size_t at = 0;
  bool ended = false;
  while (at < bytes.size() && !ended) {
    const std::string_view input = bytes.substr(at, split);
    const DataScan scan = scanner.scan(input);
    content.append(scan.carried).append(input.substr(0, scan.content));
    at += scan.consumed;
    ended = scan.ended;
  }
  CHECK(ended == want.ended);
  if (!ended) return;
  CHECK(at == want.end && content == want.content && scanner.content_bytes() == content.size());
  check_flags(scanner.flags(), want.flags);
}

void check_text(std::string_view bytes, std::size_t split) {
  TextChecker checker;
  for (std::size_t at = 0; at < bytes.size(); at += split) checker.check(bytes.substr(at, split));
  checker.finish();
  check_flags(checker.flags(), naive_flags(bytes, false));
}

void check_dots(std::string_view bytes, std::size_t split) {
  DotStuffer stuffer;
  DotUnstuffer unstuffer;
  std::string stuffed;
  std::string unstuffed;
  for (std::size_t at = 0; at < bytes.size(); at += split) {
    std::string_view piece = bytes.substr(at, split);
    while (!piece.empty()) {
      const DotStuffer::Step step = stuffer.step(piece);
      CHECK(step.copy > 0 || step.insert_dot);
      stuffed.append(piece.substr(0, step.copy)).append(step.insert_dot ? "." : "");
      piece.remove_prefix(step.copy);
    }
    piece = bytes.substr(at, split);
    while (!piece.empty()) {
      const DotUnstuffer::Step step = unstuffer.step(piece);
      CHECK(step.copy + step.skip > 0);
      unstuffed.append(piece.substr(0, step.copy));
      piece.remove_prefix(step.copy + step.skip);
    }
  }
  CHECK(stuffed == naive_stuff(bytes) && unstuffed == naive_unstuff(bytes));
  CHECK(naive_unstuff(stuffed) == bytes);
  // What is sent is one message to every reader.
  const NaiveScan back = naive_scan(stuffed.append(stuffer.end()));
  CHECK(back.ended && back.end == stuffed.size());
}

// What is made of bare LFs ends nothing before the end that was there, and leaves none.
void check_line_ends(std::string_view bytes, std::size_t split) {
  const NaiveScan sent = naive_scan(bytes);
  if (!sent.ended) return;
  LineEndNormaliser line_ends(true);
  std::string wire;
  for (std::size_t at = 0; at < sent.content.size(); at += split) {
    std::string_view piece = std::string_view(sent.content).substr(at, split);
    while (!piece.empty()) {
      const LineEndNormaliser::Step step = line_ends.step(piece);
      CHECK(step.copy > 0 || !step.insert.empty());
      wire.append(piece.substr(0, step.copy)).append(step.insert);
      piece.remove_prefix(step.copy);
    }
  }
  wire += ".\r\n";
  const NaiveScan arrived = naive_scan(wire);
  CHECK(arrived.ended && arrived.end == wire.size() && !arrived.flags.bare_lf);
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(data + 1, data + size);
  const std::size_t split = std::size_t{data[0]} + 1;
  using namespace sluice::smtp;
  check_data(bytes, split);
  check_data(bytes, bytes.size() + 1);
  check_text(bytes, split);
  check_dots(bytes, split);
  check_line_ends(bytes, split);
  return 0;
}
