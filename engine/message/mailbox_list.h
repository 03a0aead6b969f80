// The parser behind `parse_author`: the mailbox-list of RFC 5322 3.4, from left to right, without
// going back.
// Owned by one call of `parse_author`; works on the caller's text.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/message/author.h"

namespace sluice::message {

class MailboxListParser {
 public:
  MailboxListParser(std::string_view text, const AuthorOptions& options) : text_(text), options_(options) {}

  AuthorVerdict run();
  // One mailbox whose display name is written without the quotes that it needs: loose_name.cc.
  AuthorVerdict run_with_loose_name();

 private:
  // What was read before an "@", a "<" or a ":", not knowing yet whether it is a local part or a
  // display name.
  struct Words {
    std::size_t count = 0;
    bool quoted = false;     // the last one is a quoted string
    std::string_view atoms;  // the last one, if it is atoms and dots
  };
  // What is read goes to a text for people, too, or to none.
  enum class Shown : std::uint8_t { nowhere, name };

  // All of these go forward over what they are named after, and are false after a fault.
  bool mailbox();
  bool angle_address();
  bool local_part(const Words& words);
  bool at_and_domain();
  bool loose_name();
  bool address_in_loose_name();
  void show(std::string_view text);
  void note_names();
  bool domain_name();
  bool domain_literal();
  bool word(Words& words);
  bool quoted_string();
  bool comment();
  bool fold();
  bool white_space_and_comments();
  bool quoted_pair();

  bool fail(AuthorFault fault);
  bool ended() const { return at_ == text_.size(); }
  char look();
  template <typename Accept>
  std::string_view run_of(Accept accept);

  std::string_view text_;
  const AuthorOptions& options_;
  std::size_t at_ = 0;
  // What the last quoted string means; cut one byte past the limit of a local part.
  std::string quoted_;
  // The display name at hand, and all comments, as people read them: quotes gone, a blank for a fold.
  Shown shown_ = Shown::name;
  std::string name_;
  std::string comments_;
  Mailbox mailbox_;  // being read
  AuthorVerdict verdict_;
};

}  // namespace sluice::message
