// Checks that whatever `parse_author` returns is an address that can be written into a header and
// read back as the same, that it is clean, that one byte more or less of room does not change it,
// that it is the author still after the field was made ASCII, and to readers that look for encoded words first,
// and that the work is linear. Input: a byte of options, then the value of a From field.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/message/author.h"
#include "engine/message/mime_header.h"

namespace {

using sluice::message::AuthorFault;
using sluice::message::AuthorOptions;
using sluice::message::AuthorVerdict;
using sluice::message::Mailbox;
using sluice::message::parse_author;

bool is_clean(std::string_view text, bool smtputf8) {
  return std::ranges::all_of(text, [=](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 ? smtputf8 : byte == '\t' || (byte >= 0x20 && byte < 0x7F);
  });
}

void check_mailbox(const Mailbox& mailbox, const AuthorOptions& options) {
  CHECK(!mailbox.local_part.empty() && mailbox.local_part.size() <= 64);
  CHECK(!mailbox.domain.empty() && mailbox.domain.size() <= 255);
  CHECK(is_clean(mailbox.local_part, options.smtputf8) && is_clean(mailbox.domain, options.smtputf8));
  CHECK(mailbox.domain.find_first_of(" \t()<>@,;\"\\ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  CHECK(mailbox.local_part.find_first_of("@<>,") == std::string::npos);
  CHECK(mailbox.is_literal == mailbox.domain.starts_with('['));
  CHECK(mailbox.is_literal == mailbox.domain.ends_with(']'));

  // Plain, in angle brackets, with a name and a comment: the same author.
  const std::string address = mailbox.address();
  for (const std::string& value :
       {address, "<" + address + ">", "\"x@y.example\"\r\n <" + address + "> (z@y.example)"}) {
    const AuthorVerdict again = parse_author(value, options);
    CHECK(again.single() != nullptr);
    CHECK(*again.single() == mailbox);
  }
}

// The value to a reader that looks for encoded words before all else, each of which is one letter to it.
std::string with_words_first(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const std::size_t charset = value.starts_with("=?") ? value.find('?', 2) : std::string_view::npos;
    const bool begins = charset != std::string_view::npos && charset + 2 < value.size() && value[charset + 2] == '?' &&
                        std::string_view("bBqQ").contains(value[charset + 1]);
    const std::size_t end = begins ? value.find("?=", charset + 3) : std::string_view::npos;
    out += end == std::string_view::npos ? value.front() : 'x';
    value.remove_prefix(end == std::string_view::npos ? 1 : end + 2);
  }
  return out;
}

// What a next hop without 8BITMIME gets.
std::string in_ascii(std::string_view value) {
  std::string out;
  sluice::message::append_mime_header("From: " + std::string(value) + "\r\n", {.encode_eight_bit = true}, out);
  CHECK(out.starts_with("From:") && out.ends_with("\r\n"));
  return out.substr(5, out.size() - 7);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t bits = data[0];
  const AuthorOptions options{
      .smtputf8 = (bits & 1) != 0, .mailboxes_max = 1 + (bits >> 1 & 7), .comment_depth_max = 1 + (bits >> 4 & 7)};
  const AuthorVerdict verdict = parse_author(value, options);
  CHECK(verdict.steps <= 8 * value.size() + 16);
  CHECK(verdict.in_names.size() <= sluice::message::kNamedDomainsMax);
  CHECK(verdict.mailboxes.size() <= options.mailboxes_max);
  CHECK(!verdict.ok() || !verdict.mailboxes.empty());
  CHECK(!author_fault_text(verdict.fault).empty());
  for (const Mailbox& mailbox : verdict.mailboxes) check_mailbox(mailbox, options);
  if (!verdict.ok()) return 0;
  if (!options.smtputf8) {
    const AuthorVerdict converted = parse_author(in_ascii(value), options);
    // By the strict grammar a field with a loose name has no author; to readers that find one, it is the same.
    CHECK(converted.ok() ? converted.mailboxes == verdict.mailboxes : verdict.loose_name);
  }
  if (!verdict.loose_name) {
    const AuthorVerdict words_first = parse_author(with_words_first(value), options);
    CHECK(words_first.ok() && words_first.mailboxes == verdict.mailboxes);
  }

  // What follows after folding is white space, and changes nothing; another mailbox makes it two
  // authors.
  const AuthorVerdict commented = parse_author("(x)\r\n " + std::string(value) + " (x)", options);
  CHECK(commented.mailboxes == verdict.mailboxes || commented.fault == AuthorFault::bad_folding);
  // A name without its quotes is taken only where the field is one mailbox in angle brackets, without what parts
  // authors.
  if (verdict.loose_name) {
    CHECK(verdict.mailboxes.size() == 1 && value.contains('<') && value.contains('>'));
    CHECK(parse_author(std::string(value) + ", a@b.example", options).single() == nullptr);
    return 0;
  }
  AuthorOptions more = options;
  ++more.mailboxes_max;
  const AuthorVerdict longer = parse_author(std::string(value) + ", a@b.example", more);
  CHECK(longer.ok() && longer.mailboxes.size() == verdict.mailboxes.size() + 1 && longer.single() == nullptr);
  return 0;
}
