// Which fields of a header a signature covers, and in which order (RFC 6376 5.4).  Its memory has a bound, whatever the
// header (kFieldsOfANameMax of each name), and is kept from message to message.  One thread at a time.
//
// Signed are the fields that a reader is shown or a program acts on, wherever they are; never those that a hop adds or
// changes: Received, Return-Path, Authentication-Results, and what is not in the table of signed_fields.cc.
// Oversigned (RFC 6376 8.15: named once more than it is there) are those of which another one, added on the way, would
// be shown in place of ours: From, To, Cc, Subject, Date, Reply-To, Message-ID, and the MIME fields, which say what the
// body is.  Fields of mailing lists and Resent- fields may be added: each list and each resender has its own.
// RFC 8058 4: List-Unsubscribe and List-Unsubscribe-Post are both signed where they are.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/dkim/header_fields.h"

namespace sluice::dkim {

// Of one name: what is above them is not signed, and then the name is not oversigned either.  No honest message has as
// many; it bounds h=.
inline constexpr std::size_t kFieldsOfANameMax = 32;

class SignedFields {
 public:
  // `header`: as HeaderFieldReader has it; must stay until the next call.
  void select(std::string_view header);

  // What is hashed, in the order of h=; RFC 6376 5.4.2: of several fields with one name the last one first.
  [[nodiscard]] std::span<const HeaderField* const> fields() const { return fields_; }
  // The names in h=, with those in it of which there is no field any more.
  [[nodiscard]] std::span<const std::string_view> names() const { return names_; }
  // RFC 6376 5.4: "The From header field MUST be signed".
  [[nodiscard]] bool has_from() const { return has_from_; }

 private:
  static constexpr std::size_t kRowsMax = 40;                               // of the table
  std::array<std::array<HeaderField, kFieldsOfANameMax>, kRowsMax> found_;  // of each name the last ones
  std::vector<const HeaderField*> fields_;
  std::vector<std::string_view> names_;
  bool has_from_ = false;
};

}  // namespace sluice::dkim
