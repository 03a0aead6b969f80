// The worked example of FORMAT.md is what the code writes.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/io/aligned.h"
#include "engine/spool/batch.h"
#include "engine/spool/stored.h"

namespace sluice::spool {
namespace {

std::string dump(std::string_view bytes, std::size_t from) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr std::size_t kAcross = 16;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += kAcross) {
    text += std::to_string(from + at) + " ";
    std::string plain;
    for (const char letter : bytes.substr(at, kAcross)) {
      const auto byte = static_cast<unsigned char>(letter);
      text.append({' ', kHex[byte >> 4U], kHex[byte & 15U]});
      plain += byte >= ' ' && byte <= '~' ? letter : '.';
    }
    text.append((kAcross - plain.size()) * 3 + 2, ' ').append(plain).append("\n");
  }
  return text;
}

TEST(FormatTest, TheWorkedExampleIsTrue) {
  io::AlignedBytes memory(kBatchBytesMax);
  Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
  batch.begin(7, 0x0123456789abcdef, kBlockBytes, 2 * kBatchBytesMax);
  Stored stored;
  stored.envelope.reverse_path = "ann@example.com";
  stored.envelope.recipients.push_back({.forward_path = "bob@example.net"});
  stored.submitter.customer = "acme";
  stored.submitter.account = "ann@example.com";
  stored.submitter.address = "192.0.2.1";
  stored.submitter.helo = "pc";
  stored.submitter.protocol = "ESMTP";
  stored.form = message::BodyForm::literal;
  stored.arrived = 1'764'036'000'000;
  stored.content_bytes = 4;
  message::DeliveryStatus status;
  status.recipients.resize(1);
  Chain content;
  content.append_copy("hi\r\n");
  const Location at = batch.add(RecordType::message, 0x0123456789abcd, encode_message(stored, status), &content);
  const std::string_view bytes = batch.finish(1'764'036'000'001);
  const std::string shown = dump(bytes.substr(0, at.offset - kBlockBytes + at.bytes()), kBlockBytes);

  std::ifstream file("engine/spool/FORMAT.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(page.find("```\n" + shown + "```"), std::string::npos) << shown;
}

}  // namespace
}  // namespace sluice::spool
