// Signs one message for the transmissions that send it, in each form in which one of them does: a signature is over
// what a next hop gets, byte by byte, so that content which is made 7-bit for it is signed after that, and a hop with
// SMTPUTF8 may have other tags (dkim/signatory.h).  In each form a message is signed once, and all transmissions of
// that form, to whatever destination and in whatever try, share the fields.
//
// A signature is in front of all that is signed, and over the body to its end: a message that is signed is all here
// before the first byte of it goes on.  What is under way (cut-through) is so as long as it fits in memory
// (Route::retain_bytes_max); what is longer goes by the spool.
//
// The body is hashed while it comes in (signing/running_hash.h), in the form in which it comes: in that form most
// messages go on, and then nothing but the header is looked at here, and the spool is read once, to send.  A body that
// is made 7-bit, or whose hash is not known any more (after a restart, or of too many messages: ActiveMessages), is
// hashed when it is to be sent; one that is not in memory is read from the spool for that, and once more to be sent.
//
// RFC 6376 5.3 wants content signed in a form that no hop has to change: 7-bit, in lines of at most 998 bytes.  What
// this relay is sent as 8-bit and may pass on so (RFC 6152) is signed so: a hop that offers 8BITMIME has undertaken not
// to change it; made 7-bit for all it would break strangers' signatures on the way.  Long
// lines are refused or taken as the listener says (listener.long_lines), and go on as they are.
// Core thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/message/envelope.h"
#include "engine/message/message_sink.h"
#include "engine/signing/signer.h"
#include "engine/spool/spool.h"

namespace sluice::relay {

struct SignedForm {
  bool seven_bit = false;          // made 7-bit,
  bool header_too = false;         // and the words of its header, too
  bool internationalized = false;  // goes on with SMTPUTF8
  friend bool operator==(const SignedForm&, const SignedForm&) = default;
};

using SharedSigned = std::shared_ptr<const signing::Signed>;

// The signatures of one message that were made so far, and what is known of its body.  The message's owner has them.
class MessageSignatures {
 public:
  // Its hashes, in the form in which it came.
  void set_body(const dkim::BodyDigests& body) { body_ = body; }
  [[nodiscard]] const std::optional<dkim::BodyDigests>& body() const { return body_; }

 private:
  friend class MessageSigner;
  struct Made {
    SignedForm form;
    SharedSigned fields;                 // null: they are being made
    std::vector<AsyncEvent*> waiting{};  // for that
  };
  // Few: of each form one.
  std::vector<std::unique_ptr<Made>> made_;
  std::optional<dkim::BodyDigests> body_;
};

class MessageSigner {
 public:
  // What is referred to outlives the signer.
  struct Parts {
    signing::Signer& signer;
    MessageSignatures& made;
    const message::Envelope& envelope;
    const message::Submitter& from;
    // Where the content is read that is not at hand; null: only what is at hand can be signed.
    spool::Spool* spool = nullptr;
    spool::QueueId id = 0;
    const spool::Message* stored = nullptr;
  };
  explicit MessageSigner(const Parts& parts) : parts_(parts) {}

  // Content may go on while only the beginning of it is at hand.
  [[nodiscard]] bool can_read() const { return parts_.stored != nullptr; }
  // What a transmission has of the content.
  struct AtHand {
    const Chain& content;  // from its first byte on; outlives the call
    bool whole = false;    // all of it, in the form in which it is to be signed; else in that in which it came
    message::BodyForm written = message::BodyForm::dot_stuffed;
  };
  // Never null.  What is needed and not at hand is read.  Where that fails, the transmission's own reading fails, too:
  // nothing is signed.
  Task<SharedSigned> sign(SignedForm form, AtHand at_hand);
  // It is too long to be signed, and goes on by the rule for such mail.
  [[nodiscard]] signing::Signed give_up(std::string_view reason) const;

 private:
  [[nodiscard]] signing::Signer::Request request(SignedForm form) const;
  Task<signing::Signed> make(SignedForm form, AtHand at_hand);
  [[nodiscard]] const dkim::BodyDigests* known_body(SignedForm form) const;
  Task<void> feed(signing::ContentToSign& content, Chain bytes);
  Task<bool> read(signing::ContentToSign& content, SignedForm form);

  Parts parts_;
};

}  // namespace sluice::relay
